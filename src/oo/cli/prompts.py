"""The commands for prompt versions."""

import typer

from oo.cli.surroundings import out, telling_errors

app = typer.Typer(no_args_is_help=True, help="See and release prompt versions.")


@app.command("list")
def list_prompts() -> None:
    """Print the released prompt versions."""
    from oo.prompts.library import PromptLibrary

    with telling_errors():
        for version in PromptLibrary.load().versions:
            out.print(version, highlight=False)


@app.command("lock")
def lock_prompts() -> None:
    """Release the prompt files that are not in the lock yet; a released one is never edited again."""
    from oo.prompts.library import TIPS
    from oo.prompts.lock import write_lock

    with telling_errors():
        for name in write_lock(TIPS):
            out.print(f"released {name}", highlight=False)
