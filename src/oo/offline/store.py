"""The offline store: every event for ever, in one Delta table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.errors import OfflineStoreFailed
from oo.events.envelope import EventType
from oo.events.subjects import STREAMS, SUBJECTS
from oo.offline.archived import COLUMNS, Archived
from oo.offline.events_table import EventsTable, among, failures_named

_APPEND_ATTEMPTS = 20

_STREAM_OF = {
    event_type: stream
    for event_type, subject in SUBJECTS.items()
    for stream, patterns in STREAMS.items()
    if subject.startswith(tuple(pattern.removesuffix(">") for pattern in patterns))
}
SIGNAL_TYPES: tuple[EventType, ...] = tuple(kind for kind, stream in _STREAM_OF.items() if stream == "SIGNALS")
"""The events that features are folded from."""


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
        a durable starts over.

        Raises:
            OfflineStoreFailed: the table cannot be read or written, or other writers were first each time; nothing was
                kept.
        """
        with failures_named(self._address):
            for _ in range(_APPEND_ATTEMPTS):
                table = EventsTable.open_or_create(self._address, self._options)
                unseen = _unseen(table, rows)
                if not unseen or table.append(unseen):
                    return len(unseen)
        raise OfflineStoreFailed(
            f"offline store {self._address}: {_APPEND_ATTEMPTS} commits in a row were refused;"
            " run fewer archives at once, and check that there is room"
        )

    def version(self) -> int:
        """The table's latest version, which pins a later read to what is there now.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        with failures_named(self._address):
            return EventsTable.open(self._address, self._options).version

    def scan(
        self,
        event_types: Sequence[EventType],
        *,
        tenant_ids: Sequence[str] | None = None,
        version: int | None = None,
        columns: Sequence[str] = COLUMNS,
    ) -> Iterator[pa.RecordBatch]:
        """Stream the events of these types, of all tenants when none are named, in no particular order.

        A fact that was published twice, further apart than the bus remembers, is there twice under one `event_id`.

        Args:
            event_types: the events to read.
            tenant_ids: the tenants to read.
            version: the table version to read; the latest when None.
            columns: names out of `COLUMNS`; the fewer, the less is read.

        Raises:
            OfflineStoreFailed: there is no table or no such version, or it cannot be read.
        """
        wanted = {
            "stream": sorted({_STREAM_OF[event_type] for event_type in event_types}),
            "event_type": event_types,
            "tenant_id": tenant_ids,
        }
        return self._select(columns, wanted, version=version)

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
        wanted = {"stream": ["SIGNALS"], "tenant_id": tenant_ids, "user_id": user_ids}
        return self._select((*order, "payload"), wanted, version=version, order=order)

    def decision(self, decision_id: str) -> list[Archived]:
        """All that speaks of a decision: the records, shadows' too, then its exposures and reactions.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        batches = self._select(COLUMNS, {"decision_id": [decision_id]}, order=("stream", "sequence"))
        return [Archived(**row) for batch in batches for row in batch.to_pylist()]

    def _select(
        self,
        columns: Sequence[str],
        wanted: Mapping[str, Sequence[str] | None],
        *,
        version: int | None = None,
        order: Sequence[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        where = " AND ".join(among(column, values) for column, values in wanted.items() if values is not None)
        with failures_named(self._address):
            yield from EventsTable.open(self._address, self._options, version).select(columns, where, order)


def _unseen(table: EventsTable, rows: Sequence[Archived]) -> list[Archived]:
    """The rows that the table does not hold, each once, in the order of their streams."""
    unseen: list[Archived] = []
    for stream, group in groupby(sorted(rows, key=attrgetter("stream", "sequence")), key=attrgetter("stream")):
        messages = {(row.sequence, row.event_id): row for row in group}
        sequences = [sequence for sequence, _ in messages]
        days = [row.day for row in messages.values()]
        # Ranges, since a long list of values is not compared with the files' statistics.
        near = (
            f"{among('stream', [stream])} AND day BETWEEN '{min(days)}' AND '{max(days)}'"
            f" AND sequence BETWEEN {min(sequences)} AND {max(sequences)}"
        )
        for batch in table.select(("sequence", "event_id"), near):
            for held in batch.to_pylist():
                messages.pop((held["sequence"], held["event_id"]), None)
        unseen += messages.values()
    return unseen
