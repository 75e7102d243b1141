"""The commands for the local stack."""

import asyncio
from typing import Annotated

import typer
from rich.markup import escape

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.printing import stack_table
from oo.settings import read


def _tell(what: str, news: str) -> None:
    err.print(f"[dim]{escape(what):>10}[/dim]  {escape(news)}", highlight=False)


def up() -> None:
    """Start the local stack and wait until it is healthy."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with telling_errors():
        settings = read(StackSettings)
        stack.up(settings, _tell)
        out.print(stack_table(stack.status(settings)))


def down() -> None:
    """Stop the local stack; its data stays."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with telling_errors():
        stack.down(read(StackSettings), _tell)


def status() -> None:
    """Say which process of the local stack is healthy, and where it answers."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with telling_errors():
        states = stack.status(read(StackSettings))
    out.print(stack_table(states))
    if any(state.condition not in {"healthy", "done"} for state in states):
        raise typer.Exit(1)


def logs(name: Annotated[str | None, typer.Argument(help="One process, such as scorer.")] = None) -> None:
    """Show the last lines that each process of the local stack printed."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with telling_errors():
        for process, lines in stack.logs(read(StackSettings), name).items():
            out.rule(process)
            out.print(escape(lines), highlight=False)


def bootstrap() -> None:
    """Make streams, durables and buckets, and give each feature service a first champion that knows nothing."""
    from oo.wiring.bootstrap import bootstrap as run

    with telling_errors():
        for version in asyncio.run(run(pipeline_settings())):
            out.print(f"{version.feature_service}: the champion is {version.name} {version.version}", highlight=False)
