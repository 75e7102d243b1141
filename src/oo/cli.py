"""The command line: each command decodes, makes one library call and prints."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oo.errors import OOError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="oO decides which short tip a person sees, and learns from what they do with it.",
)
decision = typer.Typer(no_args_is_help=True, help="Follow one decision.")
model = typer.Typer(no_args_is_help=True, help="See the registered models.")
app.add_typer(decision, name="decision")
app.add_typer(model, name="model")

out = Console()
err = Console(stderr=True)

Group = Literal["tenant", "policy", "model", "prompt_version"]


@contextmanager
def _telling_errors() -> Iterator[None]:
    """Show what oO raises on purpose as a sentence; a bug keeps its traceback."""
    try:
        yield
    except OOError as error:
        err.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(1) from error


@app.command()
def up() -> None:
    """Start the local stack and wait until it is healthy."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    settings = StackSettings()
    with _telling_errors():
        stack.up(settings, _tell)
    _print_status(stack.status(settings))


@app.command()
def down() -> None:
    """Stop the local stack; its data stays."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        stack.down(StackSettings(), _tell)


@app.command()
def status() -> None:
    """Say which process of the local stack is healthy, and where it answers."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    states = stack.status(StackSettings())
    _print_status(states)
    if any(state.condition not in {"healthy", "done"} for state in states):
        raise typer.Exit(1)


@app.command()
def logs(name: Annotated[str | None, typer.Argument(help="One process, such as scorer.")] = None) -> None:
    """Show the last lines that each process of the local stack printed."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        for process, lines in stack.logs(StackSettings(), name).items():
            out.rule(process)
            out.print(escape(lines), highlight=False)


@app.command()
def bootstrap() -> None:
    """Make streams, durables and buckets, and give each feature service a first champion that knows nothing."""
    from oo.settings import PipelineSettings, read
    from oo.wiring.bootstrap import bootstrap as run

    with _telling_errors():
        for version in asyncio.run(run(read(PipelineSettings))):
            out.print(f"{version.feature_service}: champion is {version.name} {version.version}")


@app.command()
def train(feature_service: Annotated[str, typer.Argument(help="Such as tips@1.")]) -> None:
    """Train a challenger for a feature service, judge it against the champion, and promote it if it is better."""
    from oo.settings import PipelineSettings, read
    from pipelines.train import run_locally


def _tell(what: str, news: str) -> None:
    err.print(f"[dim]{escape(what):>10}[/dim]  {escape(news)}")
