"""The commands for dead letters."""

import asyncio
import sys
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from oo.cli.moment import moment
from oo.cli.surroundings import err, out, pipeline_settings, telling_errors
from oo.events.subjects import ConsumerName
from oo.printing import LetterList, letter_lines, progress_bar, replay_lines

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oo.bus.dead_letter_box import DeadLetterBox, Progress, Replay, Selection
    from oo.bus.dead_letters import Letter
    from oo.bus.delivery import Reject

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="See dead letters, put them back on the bus, or throw them away.")


_Sequences = Annotated[list[int] | None, typer.Argument(min=1, help="As `oo dlq list` shows them.", metavar="SEQUENCE")]
_Consumer = Annotated[ConsumerName | None, typer.Option(help="Rejected by this consumer.")]
_Reason = Annotated[str | None, typer.Option(help="Rejected for this reason, such as invalid_event.")]
_Subject = Annotated[str | None, typer.Option(help="Sent on this subject; 'signals.>' for all below it.")]
_Since = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="WHEN", help="Buried then or later: ISO 8601, or 30m, 12h, 7d."),
]
_Until = Annotated[datetime | None, typer.Option(parser=moment, metavar="WHEN", help="Buried before.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _selection(  # noqa: PLR0913  # a filter each
    sequences: list[int] | None,
    *,
    consumer: ConsumerName | None,
    reason: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
) -> "Selection":
    from oo.bus.dead_letter_box import Selection

    return Selection(tuple(sequences or ()), None, consumer, reason, subject, since, until)


def _with_letters(doing: str, work: "Callable[[DeadLetterBox, Progress], Awaitable[T]]") -> T:
    from oo.wiring.dead_letters import dead_letters

    async def run() -> T:
        async with dead_letters(pipeline_settings()) as box:
            with progress_bar(err, doing) as progress:
                return await work(box, progress)

    with telling_errors():
        return asyncio.run(run())


def _until_now(selection: "Selection") -> "Selection":
    """The selection without what comes while a person is being asked."""
    return replace(selection, through=_with_letters("looking", lambda box, _: box.last()))


@app.command("list")
def list_letters(  # noqa: PLR0913  # a filter each
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The most letters to show, the newest.")] = 50,
) -> None:
    """Print the dead letters, and how many there are for each reason. Nothing of a payload is shown."""
    from oo.wiring.process import now

    letters = LetterList(now(), limit)
    selection = _selection(None, consumer=consumer, reason=reason, subject=subject, since=since, until=until)

    async def look(box: "DeadLetterBox", progress: "Progress") -> None:
        async for letter in box.letters(selection, progress):
            letters.add(letter)

    _with_letters("looking", look)
    if not letters.reasons:
        out.print("no dead letters" if selection.is_everything else "no dead letters that these filters take")
        return
    # Whole lines, which a narrow terminal breaks: a reason or subject that was cut could not be filtered by.
    Console(width=1_000).print(letters.table)
    for line in letters.totals:
        out.print(escape(line), highlight=False, soft_wrap=True)


@app.command("show")
def show_letter(
    sequence: Annotated[int, typer.Argument(min=1, help="As `oo dlq list` shows it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the exact bytes of the payload and nothing else.")] = False,
) -> None:
    """Print all of a dead letter, and what a replay of it would do today. The payload may hold personal data."""

    async def look(box: "DeadLetterBox", _: "Progress") -> "tuple[Letter, Reject | None]":
        letter = await box.get(sequence)
        return letter, None if raw else box.would_stay(letter)

    letter, stays = _with_letters("looking", look)
    if raw:
        sys.stdout.buffer.write(letter.original.data)
        return
    for line in letter_lines(letter, stays):
        out.print(escape(line), highlight=False, soft_wrap=True)


@app.command("replay")
def replay_letters(  # noqa: PLR0913  # a filter each
    sequences: _Sequences = None,
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Put the originals of dead letters back on their subjects, byte for byte, then delete the letters.

    With no SEQUENCE and no filter: all of them. Every consumer of the subject sees a replayed event again, not only the
    one that rejected it. It keeps its event id, by which totals count it once, so this may be repeated at will.

    A letter that would be rejected again today stays, and is told with its reason.
    """
    selection = _selection(sequences, consumer=consumer, reason=reason, subject=subject, since=since, until=until)

    def replay(doing: str, *, dry_run: bool) -> "Replay":
        outcome = _with_letters(doing, lambda box, progress: box.replay(selection, progress, dry_run=dry_run))
        for line in replay_lines(outcome, dry_run=dry_run):
            out.print(escape(line), highlight=False, soft_wrap=True)
        return outcome

    if dry_run or not yes:
        selection = _until_now(selection)
        expected = replay("looking", dry_run=True)
        if dry_run or not expected.replayed:
            return
        typer.confirm(f"replay {expected.replayed}?", abort=True, err=True)
    replay("replaying", dry_run=False)


@app.command("drop")
def drop_letters(  # noqa: PLR0913  # a filter each
    sequences: _Sequences = None,
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, when nothing else says which.")] = False,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Delete dead letters for good; the server overwrites their bytes on its disk.

    What was never replayed has then had no effect in the consumer that rejected it.
    """
    selection = _selection(sequences, consumer=consumer, reason=reason, subject=subject, since=since, until=until)
    if selection.is_everything and not everything:
        raise typer.BadParameter("give a SEQUENCE, a filter, or --all")

    def drop(doing: str, *, dry_run: bool) -> int:
        dropped = _with_letters(doing, lambda box, progress: box.drop(selection, progress, dry_run=dry_run))
        out.print(f"{dropped} {'would be ' * dry_run}dropped", highlight=False)
        return dropped

    if dry_run or not yes:
        selection = _until_now(selection)
        expected = drop("looking", dry_run=True)
        if dry_run or not expected:
            return
        typer.confirm(f"drop {expected} for good?", abort=True, err=True)
    drop("dropping", dry_run=False)
