"""The offline store: every event for ever, in one Delta table."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.errors import OfflineStoreFailed
from oo.events.envelope import EventType
from oo.events.subjects import STREAMS, SUBJECTS, StreamName
from oo.offline import compaction, erasure
from oo.offline.archived import COLUMNS, Archived
from oo.offline.events_table import CommitRefused, EventsTable, Snapshot, failures_named
from oo.offline.predicates import PersonsRows, among

T = TypeVar("T")
_ATTEMPTS = 20

_STREAM_OF = {
    event_type: stream
    for event_type, subject in SUBJECTS.items()
    for stream, patterns in STREAMS.items()
    if subject.startswith(tuple(pattern.removesuffix(">") for pattern in patterns))
}
SIGNAL_TYPES: tuple[EventType, ...] = tuple(kind for kind, stream in _STREAM_OF.items() if stream == "SIGNALS")
"""The events that features are folded from."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class OfflineStore:
    """Keeps each message exactly once, however often it is appended, and reads as of any version of the table.

    Args:
        address: a folder or an object store's URL.
        storage_options: what the object store needs, as `deltalake` names it.
    """

    def __init__(self, address: str | Path, storage_options: Mapping[str, str] | None = None) -> None:
        self._address = str(address)
        self._options = dict(storage_options or {})

    def append(self, rows: Sequence[Archived]) -> int:
        """Keep the rows that the table does not hold yet, all of them or none; returns how many those were.

        A message is known by stream, sequence and event id; the last because a stream that was deleted and made again
        counts from 1 again. The look and the append are one step: of two writers of a stream the second is refused and
        looks again. So nothing is kept twice when a message is redelivered while its first reader still works, or when
        a durable starts over. The look is spared for what lies beyond the sequence that the stream's Delta transaction
        has reached.

        Raises:
            OfflineStoreFailed: the table cannot be read or written, or other writers were first each time; nothing was
                kept.
        """

        def keep() -> int:
            table = EventsTable.open_or_create(self._address, self._options)
            unseen, through = _unseen(table, rows)
            if unseen:
                table.append(unseen, through)
            return len(unseen)

        return self._committed(keep)

    def _committed(self, attempt: Callable[[], T]) -> T:
        """What the attempt returns, made again while other commits come between."""
        refusal = None
        with failures_named(self._address):
            for _ in range(_ATTEMPTS):
                try:
                    return attempt()
                except CommitRefused as error:
                    refusal = error
        raise OfflineStoreFailed(
            f"offline store {self._address}: {_ATTEMPTS} commits in a row were refused;"
            f" run fewer archives at once, and check that there is room ({refusal})"
        ) from refusal

    def version(self) -> int:
        """The table's latest version, which pins a later read to what is there now.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        with failures_named(self._address):
            return EventsTable.open(self._address, self._options).version

    def snapshots(self) -> list[Snapshot]:
        """The named versions, oldest first; none when there is no table yet.

        Raises:
            OfflineStoreFailed: it cannot be read.
        """
        with failures_named(self._address):
            return EventsTable.open(self._address, self._options).snapshots()

    def snapshot(self, name: str) -> Snapshot:
        """The version of this name.

        Raises:
            OfflineStoreFailed: no version has it, or the table cannot be read.
        """
        named = {snapshot.name: snapshot for snapshot in self.snapshots()}
        if name not in named:
            known = ", ".join(named) or "none"
            raise OfflineStoreFailed(f"offline store {self._address} has no snapshot {name!r}; it has {known}")
        return named[name]

    def take_snapshot(self, name: str, now: datetime) -> Snapshot:
        """Name the latest version: from now on it can be read whatever is appended, merged and deleted.

        The name is a property of the table, so it is wherever the table is.

        Raises:
            OfflineStoreFailed: the name is taken or malformed, there is no table yet, or it cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise OfflineStoreFailed(f"{name!r} is no name for a snapshot; use letters, digits, '.', '-' and '_'")

        def take() -> Snapshot:
            table = EventsTable.open(self._address, self._options)
            for taken in table.snapshots():
                if taken.name == name:
                    at = f"version {taken.version} of {taken.named_at:%Y-%m-%d %H:%M}"
                    raise OfflineStoreFailed(f"snapshot {name!r} names {at}; choose another name, or drop it")
            return table.name(name, now)

        return self._committed(take)

    def drop_snapshot(self, name: str) -> None:
        """Forget a name; a later compaction deletes what only its version needed.

        Raises:
            OfflineStoreFailed: no version has this name, or the table cannot be written.
        """
        self.snapshot(name)
        self._committed(lambda: EventsTable.open(self._address, self._options).drop(name))

    def compact(
        self,
        *,
        older_than: timedelta,
        clock: Callable[[], datetime],
        dry_run: bool,
        progress: Callable[[int, int], None],
    ) -> compaction.Compaction:
        """See `oo.offline.compaction.compact`.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be written.
        """
        with failures_named(self._address):
            return compaction.compact(
                lambda: EventsTable.open(self._address, self._options),
                older_than=older_than,
                clock=clock,
                dry_run=dry_run,
                progress=progress,
            )

    def erase(
        self,
        rows: PersonsRows,
        *,
        clock: Callable[[], datetime],
        dry_run: bool,
        progress: Callable[[int, int], None],
    ) -> erasure.Erasure:
        """See `oo.offline.erasure.erase`; nothing is found where there is no table yet.

        Raises:
            OfflineStoreFailed: the table cannot be read or written, or is being compacted.
        """

        def at(version: int | None) -> EventsTable:
            return EventsTable.open(self._address, self._options, version)

        with failures_named(self._address):
            if not EventsTable.is_at(self._address, self._options):
                return erasure.Erasure()
            return erasure.erase(at, rows, clock=clock, dry_run=dry_run, progress=progress)

    def tenants_of(self, user_id: str) -> set[str]:
        """The tenants that have a person of this id; none when there is no table yet.

        Raises:
            OfflineStoreFailed: it cannot be read.
        """
        with failures_named(self._address):
            if not EventsTable.is_at(self._address, self._options):
                return set()
        batches = self._select(("tenant_id",), {"user_id": [user_id]})
        return {tenant for batch in batches for tenant in batch["tenant_id"].to_pylist()}

    def highest_sequence(self, stream: StreamName, since: datetime, version: int) -> int:
        """The highest sequence of the stream among the messages published since then; 0 when there are none."""
        where = _of_stream(stream, since)
        with failures_named(self._address):
            return EventsTable.open(self._address, self._options, version).highest_sequence(where) or 0

    def sequences(self, stream: StreamName, since: datetime, version: int, first: int, last: int) -> Iterator[pa.Array]:
        """Stream the sequences from `first` through `last` of the stream's messages that were published since then."""
        where = f"{_of_stream(stream, since)} AND sequence BETWEEN {first} AND {last}"
        with failures_named(self._address):
            for batch in EventsTable.open(self._address, self._options, version).select(("sequence",), where):
                yield batch["sequence"]

    def has_event(self, event_id: str, version: int) -> bool:
        """Whether an event of this id is there, under whatever sequence."""
        found = self._select(("sequence",), {"event_id": [event_id]}, version=version, erased=True)
        return any(batch.num_rows for batch in found)

    def scan(  # noqa: PLR0913  # each narrows it, and is given by name
        self,
        event_types: Sequence[EventType],
        *,
        tenant_ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        version: int | None = None,
        columns: Sequence[str] = COLUMNS,
    ) -> Iterator[pa.RecordBatch]:
        """Stream the events of these types, of all tenants when none are named, in no particular order.

        What is left of erased people is passed over.

        A fact that was published twice, further apart than the bus remembers, is there twice under one `event_id`.

        Args:
            event_types: the events to read.
            tenant_ids: the tenants to read.
            since: when the first to read occurred; files that end before it are not opened.
            until: when the first that is too late occurred.
            version: the table version to read; the latest when None.
            columns: names out of `COLUMNS`; the fewer, the less is read.

        Raises:
            OfflineStoreFailed: there is no table or no such version, or it cannot be read.
        """
        wanted = {
            "event_type": event_types,
            "tenant_id": tenant_ids,
        }
        ends = ((">=", since), ("<", until))
        when = [f"occurred_at {compared} '{end.astimezone(UTC).isoformat()}'" for compared, end in ends if end]
        return self._select(columns, wanted, when, version=version)

    def signals(
        self,
        *,
        tenant_ids: Sequence[str] | None = None,
        user_ids: Sequence[str] | None = None,
        version: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Stream `tenant_id`, `user_id`, `sequence` and `payload` of the signals, one person after the other.

        Each person's come in the order of their sequence, so that a replay folds as it reads. The engine sorts in
        memory: what does not fit is asked for in parts, by tenants or people.

        Raises:
            OfflineStoreFailed: there is no table or no such version, or it cannot be read.
        """
        order = ("tenant_id", "user_id", "sequence")
        wanted = {"event_type": SIGNAL_TYPES, "tenant_id": tenant_ids, "user_id": user_ids}
        return self._select((*order, "payload"), wanted, version=version, order=order)

    def decision(self, decision_id: str) -> list[Archived]:
        """All that speaks of a decision: the records, shadows' too, then its exposures and reactions.

        Those of an erased person are among them, without user id and payload.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        order = ("stream", "sequence")
        batches = self._select(COLUMNS, {"decision_id": [decision_id]}, order=order, erased=True)
        return [Archived(**row) for batch in batches for row in batch.to_pylist()]

    def _select(  # noqa: PLR0913  # the same
        self,
        columns: Sequence[str],
        wanted: Mapping[str, Sequence[str] | None],
        further: Sequence[str] = (),
        *,
        version: int | None = None,
        order: Sequence[str] = (),
        erased: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        listed = (among(column, values) for column, values in wanted.items() if values is not None)
        where = " AND ".join((*listed, *further))
        if not erased:
            where += " AND user_id <> ''"
        with failures_named(self._address):
            yield from EventsTable.open(self._address, self._options, version).select(columns, where, order)


def _of_stream(stream: StreamName, since: datetime) -> str:
    kinds = [event_type for event_type, of in _STREAM_OF.items() if of == stream]
    return f"{among('event_type', kinds)} AND {among('stream', [stream])} AND published_at >= '{since.isoformat()}'"


def _unseen(table: EventsTable, rows: Sequence[Archived]) -> tuple[list[Archived], dict[str, int]]:
    """The rows that the table does not hold, each once, and through which sequence their streams will be there then."""
    unseen: list[Archived] = []
    through: dict[str, int] = {}
    for stream, group in groupby(sorted(rows, key=attrgetter("stream", "sequence")), key=attrgetter("stream")):
        messages = {(row.sequence, row.event_id): row for row in group}
        sequences = [sequence for sequence, _ in messages]
        highest = table.through(stream)
        if highest is None:  # an empty table, or one that others wrote
            highest = table.highest_sequence(among("stream", [stream])) or 0
        if sequences[0] <= highest:  # some may be there: it is redelivered, or the stream was made again
            for held in _held(table, messages.values()):
                messages.pop(held, None)
        if messages:
            unseen += messages.values()
            through[stream] = max(highest, sequences[-1])
    return unseen, through


def _held(table: EventsTable, messages: Collection[Archived]) -> Iterator[tuple[int, str]]:
    """Sequence and event id of the rows that the table holds in the neighbourhood of these messages of a stream."""
    sequences = [row.sequence for row in messages]
    days = [row.day for row in messages]
    # Ranges, since a long list of values is not compared with the files' statistics.
    near = (
        f"{among('event_type', sorted({row.event_type for row in messages}))}"
        f" AND day BETWEEN '{min(days)}' AND '{max(days)}'"
        f" AND sequence BETWEEN {min(sequences)} AND {max(sequences)}"
    )
    for batch in table.select(("sequence", "event_id"), near):
        yield from zip(batch["sequence"].to_pylist(), batch["event_id"].to_pylist(), strict=True)
