"""Whether the table holds each sequence of a stream once, and where it does not."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from nats.js import JetStreamContext

from oo.bus.delivery import Reject
from oo.events.subjects import StreamName
from oo.offline.store import OfflineStore
from oo.offline.stream_account import StreamAccount, event_id_at

Sequences = npt.NDArray[np.int64]
Between = Callable[[int, int], Iterable[Sequences]]
"""The sequences of the rows from the first to the last that is asked for, both included, piece by piece."""

WINDOW = 4 * 2**20
"""Sequences that are counted at once: 16 MB of counters, however long the stream is."""
EXAMINED = 1_000
"""Missing messages that are looked at one by one in the stream."""
NAMED_RANGES = 1_000
"""Ranges that are kept by name; all are counted."""


@dataclass(slots=True)
class Ranges:
    """Sequences that something is wrong with: all counted, the first of them named."""

    count: int = 0
    named: list[tuple[int, int]] = field(default_factory=list)
    """First and last, both included, ascending."""

    def add(self, sequences: Sequences) -> None:
        """Add these, ascending and above all before."""
        self.count += len(sequences)
        if not len(sequences):
            return
        breaks = np.flatnonzero(np.diff(sequences) > 1)
        firsts = sequences[np.concatenate(([0], breaks + 1))][: NAMED_RANGES + 1]
        lasts = sequences[np.concatenate((breaks, [len(sequences) - 1]))][: NAMED_RANGES + 1]
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
            if self.named and self.named[-1][1] + 1 == first:
                self.named[-1] = self.named[-1][0], last
            elif len(self.named) < NAMED_RANGES:
                self.named.append((first, last))

    def __str__(self) -> str:
        named = [f"{first}" if first == last else f"{first} to {last}" for first, last in self.named]
        held = sum(last - first + 1 for first, last in self.named)
        return ", ".join([*named, *([f"and {self.count - held} more"] if held < self.count else [])])


@dataclass(slots=True)
class Continuity:
    """What was found of one stream."""

    stream: str
    through: int
    """Every sequence from 1 through this one has to be accounted for: the archive acknowledged them all."""
    rows: int = 0
    first: int | None = None
    last: int | None = None
    gaps: Ranges = field(default_factory=Ranges)
    """Neither in the table nor rejected nor deleted."""
    duplicates: Ranges = field(default_factory=Ranges)
    """In the table more than once."""
    rejected: int = 0
    """Not in the table, since the archive rejected them: they are no events, or came back under a later sequence."""
    deleted: int = 0
    """Not in the table, since they were deleted in the stream."""
    told: bool = True
    """Whether the stream was asked."""

    @property
    def proven(self) -> bool:
        """Whether there is neither gap nor duplicate."""
        return not self.gaps.count and not self.duplicates.count


async def verify(js: JetStreamContext | None, store: OfflineStore, stream: StreamName) -> Continuity:
    """Hold the table against a stream: each sequence that the archive has acknowledged is there once.

    One that is absent is accounted for by a dead letter of the archive, by its deletion in the stream, or by the
    message itself: it is no event, or its event is in the table under the later sequence of a replay. Any other is a
    gap. What has left the stream by its age is expected too.

    Args:
        js: the server; None when it is away, and then only what lies between the table's first and last row is judged.
        store: the table.
        stream: whose sequences.

    Raises:
        OfflineStoreFailed: there is no table yet, or it cannot be read.
        BusUnreachable: the server did not answer, or has no archive.
    """
    account = None if js is None else await StreamAccount.read(js, stream)
    version = await asyncio.to_thread(store.version)  # after the account: this holds all that was acknowledged then
    since = datetime(1970, 1, 1, tzinfo=UTC) if account is None else account.created
    highest = await asyncio.to_thread(store.highest_sequence, stream, since, version)
    account = account or StreamAccount.untold(stream, highest)
    found = Continuity(stream, account.acknowledged, told=account.told)
    examined = 0

    def between(first: int, last: int) -> Iterable[Sequences]:
        return (held.to_numpy() for held in store.sequences(stream, since, version, first, last))

    windows = missing(between, account, highest, found)
    while (absent := await asyncio.to_thread(next, windows, None)) is not None:
        lost = np.ones(len(absent), dtype=bool)
        for place, sequence in enumerate(absent[: EXAMINED - examined].tolist() if js is not None else ()):
            examined += 1
            assert js is not None  # noqa: S101  # for the type checker
            held = await event_id_at(js, stream, sequence)
            replayed = isinstance(held, str) and await asyncio.to_thread(store.has_event, held, version)
            lost[place] = not (isinstance(held, Reject) or replayed)
        found.rejected += len(absent) - int(lost.sum())
        found.gaps.add(absent[lost])
    return found


def missing(between: Between, account: StreamAccount, last: int, found: Continuity) -> Iterator[Sequences]:
    """Count the rows of a stream into `found`, and yield the sequences that nothing accounts for, ascending.

    Memory is bounded: a window of `WINDOW` sequences is counted at a time, and so read once.

    Args:
        between: reads the table.
        account: what the stream itself says.
        last: the highest sequence in the table, 0 when it holds none.
        found: what is filled.
    """
    for start in range(1, max(account.acknowledged, last) + 1, WINDOW):
        stop = min(start + WINDOW, max(account.acknowledged, last) + 1)
        times = np.zeros(stop - start, dtype=np.uint32)
        for sequences in between(start, stop - 1):
            np.add.at(times, sequences - start, 1)
        held = np.flatnonzero(times)
        if len(held):
            found.rows += int(times.sum())
            found.first = int(held[0]) + start if found.first is None else found.first
            found.last = int(held[-1]) + start
        found.duplicates.add(np.flatnonzero(times > 1) + start)
        absent = np.flatnonzero(times[: max(account.acknowledged - start + 1, 0)] == 0) + start
        deleted = np.isin(absent, account.deleted)
        rejected = np.isin(absent, account.rejected) & ~deleted
        found.deleted += int(deleted.sum())
        found.rejected += int(rejected.sum())
        unknown = not account.told and found.first is None
        begun = absent >= (stop if unknown else found.first or 0) if not account.told else True
        yield absent[~deleted & ~rejected & begun]
