"""How the command line and the demo show things."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.tree import Tree

from oo.events.decision import ScoreDecided
from oo.experiments.interval import wilson

if TYPE_CHECKING:  # they bring libraries that the command line must not wait for
    from oo.bus.dead_letter_box import Replay
    from oo.bus.dead_letters import Letter
    from oo.bus.delivery import Reject
    from oo.erasure.forget import Line
    from oo.lineage import Lineage
    from oo.local.stack import ProcessStatus
    from oo.offline.compaction import Compaction
    from oo.offline.continuity import Continuity

_ERROR_SHOWN = 60
_PAYLOAD_SHOWN = 20_000
_COLOURS = {"healthy": "green", "done": "green", "dead": "red", "stopped": "dim"}


def columns(*names: str) -> Table:
    """An empty table of these columns that fits a narrow terminal."""
    table = Table(*names, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    return table


def rate(successes: float, n: int) -> tuple[str, str]:
    """A rate and its 95 % interval, as text."""
    if not n:
        return "none", "no exposures"
    low, high = wilson(successes, n)
    return f"{successes / n:.4f}", f"{low:.4f} to {high:.4f}"


def stack_table(states: "Iterable[ProcessStatus]") -> Table:
    """The processes of the local stack."""
    table = columns("", "", "")
    table.show_header = False
    for state in states:
        colour = _COLOURS.get(state.condition, "yellow")
        table.add_row(state.name, f"[{colour}]{state.condition}[/{colour}]", state.url or "")
    return table


def lineage_tree(lineage: "Lineage") -> Tree:
    """The path of one decision, a line a link."""
    envelope, decided = lineage.envelope, lineage.decided
    tree = Tree(f"[bold]{decided.decision_id}[/bold]  {envelope.event_type} for {escape(envelope.tenant_id)}")
    for name, found in _links(lineage):
        tree.add(f"[cyan]{name:<14}[/cyan]{escape(found)}")
    return tree


def _links(lineage: "Lineage") -> Iterable[tuple[str, str]]:
    decided, archived, scores = lineage.decided, lineage.archived, lineage.scores
    if isinstance(decided, ScoreDecided):
        signals = sum(value is not None for value in (decided.signal_features or {}).values())
        profile = sum(value is not None for value in (decided.profile_features or {}).values())
        told = f"{len(decided.context or {})} of context, {profile} of profile"
        folded = f"{signals} of signals (SIGNALS through {decided.signal_sequence})"
        yield "features", f"{decided.feature_service}: {told}, {folded}"
        if decided.model:
            yield "model", f"{decided.model.name} {decided.model.version}, sha256 {decided.model.digest[:12]}"
        yield "policy", f"{decided.policy.name}@{decided.policy.version} over {len(decided.ranking)} arms"
        yield "choice", f"tip {decided.tip_id} with propensity {decided.propensity:.4f}"
    else:
        yield "prompt", f"{decided.prompt_version}, sha256 {decided.prompt_hash[:12]}"
        yield "tip", f"{decided.tip_id}: {decided.title}"
    if decided.degraded:
        yield "degraded", ", ".join(decided.degraded)
    held = "holds the same bytes" if lineage.logged else "no longer holds it"
    yield "decision log", f"{archived.subject}, {archived.stream} {archived.sequence}: {held}"
    yield "offline store", f"day {archived.day}, {len(archived.payload)} bytes, and {len(lineage.feedback)} of feedback"
    for envelope in lineage.feedback:
        moment = f"{envelope.occurred_at:%Y-%m-%d %H:%M:%S}"
        if envelope.tip_reacted is None:
            yield "exposure", moment
        else:
            yield "reaction", f"{envelope.tip_reacted.kind.name.lower()}, {moment}"
    if scores is None:
        yield "tip_scores", "not joined yet"
    else:
        yield "tip_scores", _earned(scores)
    if lineage.trained:
        yield "training row", "of " + ", ".join(f"{v.name} {v.version}" for v in lineage.trained)
    if lineage.replayed is not None and isinstance(decided, ScoreDecided):
        same = "equal to the bit" if lineage.replayed.equals(decided) else "DIFFERENT"
        yield (
            "made again",
            f"tip {lineage.replayed.tip_id} with propensity {lineage.replayed.propensity:.4f}: {same}",
        )


def _earned(scores: Mapping[str, Any]) -> str:
    if scores["exposed_at"] is None:
        return "never exposed, so no reward, not a zero"
    if scores["reward"] is None:
        return "exposed, the window is open"
    return f"reward {scores['reward']:g}{', the reaction came late and does not count' if scores['late'] else ''}"


def readable(text: str) -> str:
    """Text of unknown origin on a terminal: what is not printable, such as a control character, is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar while something goes on, moved by telling how many are done of how many; on a terminal only."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextmanager
def step_bars(console: Console) -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """A bar for each step of something, begun by its name; on a terminal only."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:

        def begin(step: str) -> Callable[[int, int], None]:
            for task in bars.task_ids:
                bars.remove_task(task)
            task = bars.add_task(step, total=None)
            return lambda done, of: bars.update(task, completed=done, total=of)

        yield begin


class LetterList:
    """A table of the newest dead letters and the totals of all; it keeps nothing of a letter but its line.

    A line shows nothing of the payload, which may hold personal data.
    """

    def __init__(self, now: datetime, limit: int) -> None:
        self._now = now
        self._limit = limit
        self._lines: list[tuple[str, ...]] = []
        self._messages: set[tuple[str, str, int]] = set()
        self.reasons: Counter[tuple[str, str]] = Counter()
        """How many letters of which consumer and reason."""

    def add(self, letter: "Letter") -> None:
        """Take the next letter."""
        original, reject = letter.original, letter.reject
        self.reasons[letter.consumer, reject.reason] += 1
        self._messages.add(letter.identity)
        self._lines.append(
            (
                f"{letter.sequence}",
                f"{letter.buried_at:%Y-%m-%d %H:%M} ({_ago(self._now - letter.buried_at)})",
                *(readable(text) for text in (letter.consumer, reject.reason, original.subject)),
                f"{readable(original.stream)}:{original.sequence}",
                f"{original.delivered}",
                f"{len(original.data)}",
                readable(_cut(reject.error, _ERROR_SHOWN)),
            )
        )
        del self._lines[: -self._limit]

    @property
    def table(self) -> Table:
        """The newest letters, the last one last."""
        known = (
            "sequence",
            "buried (UTC)",
            "consumer",
            "reason",
            "subject",
            "original",
            "deliveries",
            "bytes",
            "error",
        )
        table = columns(*known)
        for line in self._lines:
            table.add_row(*map(escape, line))
        return table

    @property
    def totals(self) -> list[str]:
        """A sentence for each consumer and reason, after one for all."""
        letters = self.reasons.total()
        whole = f"{letters} dead letter{'s' * (letters != 1)}"
        if len(self._lines) < letters:
            whole += f", the newest {len(self._lines)} are shown"
        if len(self._messages) < letters:
            whole += f"; some messages were buried again: there are {len(self._messages)}"
        return [whole, *(f"{n:>8} {readable(c)}: {readable(r)}" for (c, r), n in sorted(self.reasons.items()))]


def letter_lines(letter: "Letter", stays: "Reject | None") -> Iterator[str]:
    """All of a dead letter, a line each: what is known of it, its payload, and what a replay would do today."""
    original, reject = letter.original, letter.reject
    known: dict[str, object] = {
        "sequence": letter.sequence,
        "buried at": letter.buried_at.isoformat(),
        "consumer": letter.consumer,
        "reason": reject.reason,
        "error": reject.error,
        "exception": reject.exception or "not told",
        "schema version": letter.schema_version or "not told",
        "subject": original.subject,
        "original": f"{original.stream}:{original.sequence}, stored at {original.published_at.isoformat()}",
        "deliveries": original.delivered,
        **{f"header {name}": value for name, value in original.headers.items()},
    }
    if letter.headers_dropped:
        known["headers dropped"] = letter.headers_dropped
    yield from (f"{readable(name):<16} {readable(str(value))}" for name, value in known.items())
    yield f"{'payload':<16} {len(original.data)} bytes"
    shown, rest = original.data[:_PAYLOAD_SHOWN], len(original.data) - _PAYLOAD_SHOWN
    try:
        lines = json.dumps(json.loads(original.data), indent=2, ensure_ascii=False).split("\n") if rest <= 0 else None
    except (ValueError, RecursionError):
        lines = None
    yield from map(readable, lines or [shown.decode(errors="backslashreplace")])
    if rest > 0:
        yield f"and {rest} bytes more; --raw writes all"
    if stays is None:
        yield f"Replayed today it would be read: every consumer of {readable(original.subject)} would see it again."
    else:
        yield f"Replayed today it would stay, {readable(stays.reason)}: {readable(stays.error)}"


def replay_lines(outcome: "Replay", *, dry_run: bool) -> Iterator[str]:
    """What a replay did, or would do, a line each."""
    yield f"{outcome.replayed} {'would be ' * dry_run}replayed"
    for reason, staying in outcome.staying.items():
        which = ", ".join(map(str, staying.sequences)) + ", …" * (staying.letters > len(staying.sequences))
        why = readable(_cut(staying.error, 3 * _ERROR_SHOWN))
        yield f"{staying.letters} {'would ' * dry_run}stay, {readable(reason)} ({which}): {why}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _ago(since: timedelta) -> str:
    seconds = int(since.total_seconds())
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name} ago"
    return "just now"


def erasure_table(lines: "Iterable[Line]") -> Table:
    """What became of a person, a line a place."""
    table = columns("place", "found", "removed", "left")
    for line in lines:
        table.add_row(line.place, f"{line.found}", f"{line.removed}", f"{line.left}")
    return table


def compaction_lines(done: "Compaction", seconds: float, *, dry_run: bool) -> Iterator[str]:
    """What a compaction did, or would do, a line each."""
    size = "" if dry_run else f", {done.bytes_before / 1e6:.1f} MB become {done.bytes_after / 1e6:.1f} MB"
    would = "would be " * dry_run
    yield f"{done.files_before} files {'would ' * dry_run}become {done.files_after}{size}"
    yield f"{done.deleted} files that no version needs any more {would or 'were '}deleted"
    yield f"{done.log_files} files of the log {would or 'were '}deleted; {seconds:.1f} s"


def continuity_lines(found: "Continuity") -> Iterator[str]:
    """What was found of one stream, a line each."""
    span = f"{found.first} to {found.last}" if found.rows else "none"
    upto = f"acknowledged through {found.through}" if found.told else "the server is away, the table alone was read"
    yield f"{found.stream}: {found.rows} rows, sequences {span}; {upto}"
    yield f"  {found.rejected} rejected, {found.deleted} deleted in the stream"
    for what, ranges in (("gaps", found.gaps), ("duplicates", found.duplicates)):
        yield f"  {ranges.count} {what}{': ' * bool(ranges.count)}{ranges}"
