"""How the story is told: on a terminal with live bars, in a log as plain lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells what happens."""

    console: Console

    def chapter(self, title: str) -> None:
        """Begin a part."""
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left")

    def say(self, sentence: str) -> None:
        """Tell one thing."""
        self.console.print(sentence, highlight=False)

    def note(self, what: str, news: str) -> None:
        """Tell the news of one process."""
        self.console.print(f"  [dim]{escape(what)}: {escape(news)}[/dim]", highlight=False)

    def show(self, what: RenderableType) -> None:
        """Show a table."""
        self.console.print(what, highlight=False)

    @contextmanager
    def progress(self, what: str, total: int | None) -> Iterator[Callable[[], None]]:
        """A live bar for a long step, which calls what it is given once for each part done; a spinner without total."""
        moving = (BarColumn(), MofNCompleteColumn()) if total else (SpinnerColumn(),)
        with Progress(TextColumn("  {task.description}"), *moving, TimeElapsedColumn(), console=self.console) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)
