"""What surrounds every command: the terminal, how an error is told, and where the parts of oO are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from oo.errors import OOError
from oo.settings import PipelineSettings, read

out = Console()
err = Console(stderr=True)


@contextmanager
def telling_errors() -> Iterator[None]:
    """Show what oO raises on purpose as a sentence; a bug keeps its traceback."""
    try:
        yield
    except OOError as error:
        err.print(escape(str(error)), style="red", highlight=False)
        raise typer.Exit(1) from error


def pipeline_settings() -> PipelineSettings:
    """Where the parts are: as the environment says, else where the local stack has them."""
    from oo.local import locations
    from oo.local.settings import StackSettings

    return locations.pipeline_settings(read(StackSettings), os.environ)
