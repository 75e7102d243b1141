"""The offline store: every event for ever, in one Delta table."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from oo.errors import OfflineStoreFailed
from oo.events.envelope import EventType
from oo.events.subjects import STREAMS, SUBJECTS
from oo.offline.archived import COLUMNS, SCHEMA, Archived

_APPEND_ATTEMPTS = 20
# Files are skipped by these columns' smallest and largest values. Payloads and people stay out of the transaction log.
_STATISTICS = "sequence,event_type,tenant_id,decision_id,occurred_at,published_at"

_STREAM_OF = {
    event_type: stream
    for event_type, subject in SUBJECTS.items()
    for stream, patterns in STREAMS.items()
    if subject.startswith(tuple(pattern.removesuffix(">") for pattern in patterns))
}
SIGNAL_TYPES: tuple[EventType, ...] = tuple(kind for kind, stream in _STREAM_OF.items() if stream == "SIGNALS")
"""The events that features are folded from."""


class OfflineStore:
    """Keeps each message exactly once, however often it is appended, and reads the table as of any version.

    The table is partitioned by `stream` and `day`. An archive's batch comes out of one stream, so an append is one
    file (a partition by event type would make up to four), and within a stream the files' ranges of `sequence` hardly
    overlap: whether a message is there already is a look at one file or none. A scan for decisions and feedback skips
    the signals, which are most of the bytes, by their stream.

    A table is opened anew for each call: a handle that made many commits keeps each as a piece of its own and grows
    slower with every one (after 300 appends a lookup took 100 ms instead of 2 ms).

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
        counts from 1 again. The look and the append are one step: two writers of a stream name the same Delta
        application transaction, so the one that commits second is refused and looks again. That holds for a message
        that was redelivered while its first reader still worked, and for a durable that starts over.

        Raises:
            OfflineStoreFailed: the table cannot be read or written; nothing was kept.
        """
        with self._failures_named():
            for _ in range(_APPEND_ATTEMPTS - 1):
                with suppress(CommitFailedError):  # another writer of this stream was first: look again
                    return self._append_new(rows)
            return self._append_new(rows)

    def version(self) -> int:
        """The table's latest version, which pins a later read to what is there now.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        with self._failures_named():
            return self._open().version()

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
        streams = sorted({_STREAM_OF[event_type] for event_type in event_types})
        wanted = [_among("stream", streams), _among("event_type", event_types)]
        if tenant_ids is not None:
            wanted.append(_among("tenant_id", tenant_ids))
        return self._select(columns, " AND ".join(wanted), version=version)

    def signals(
        self,
        *,
        tenant_ids: Sequence[str] | None = None,
        user_ids: Sequence[str] | None = None,
        version: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Stream `tenant_id`, `user_id`, `sequence` and `payload` of the signals, one person after the other.

        Each person's come in the order of their sequence, so that a replay folds as it reads and holds one person.

        Raises:
            OfflineStoreFailed: there is no table or no such version, or it cannot be read.
        """
        wanted = [_among("stream", ["SIGNALS"])]
        if tenant_ids is not None:
            wanted.append(_among("tenant_id", tenant_ids))
        if user_ids is not None:
            wanted.append(_among("user_id", user_ids))
        order = ("tenant_id", "user_id", "sequence")
        return self._select((*order, "payload"), " AND ".join(wanted), version=version, order=order)

    def decision(self, decision_id: str) -> list[Archived]:
        """All that speaks of a decision: the records, shadows' too, then its exposures and reactions.

        Raises:
            OfflineStoreFailed: there is no table yet, or it cannot be read.
        """
        order = ("stream", "sequence")
        batches = self._select(COLUMNS, _among("decision_id", [decision_id]), order=order)
        return [Archived(**row) for batch in batches for row in batch.to_pylist()]

    def _append_new(self, rows: Sequence[Archived]) -> int:
        table = self._open_or_create()
        in_order = sorted(rows, key=attrgetter("stream", "sequence"))
        new: dict[tuple[str, int, str], Archived] = {}
        transactions = []
        for stream, group in groupby(in_order, key=attrgetter("stream")):
            messages = list(group)
            held = self._held(table, stream, messages)
            unseen = {_identity(row): row for row in messages if _identity(row) not in held}
            if unseen:
                new |= unseen
                transactions.append(Transaction(f"archive-{stream}", messages[-1].sequence))
        if new:
            columns = {name: [getattr(row, name) for row in new.values()] for name in COLUMNS}
            write_deltalake(
                table,
                pa.table(columns, schema=SCHEMA),
                mode="append",
                commit_properties=CommitProperties(app_transactions=transactions),
            )
        return len(new)

    def _held(self, table: DeltaTable, stream: str, messages: Sequence[Archived]) -> set[tuple[str, int, str]]:
        days = [row.day for row in messages]
        # Ranges, since a long list of values is not compared with the files' statistics.
        batches = _query(
            table,
            ("sequence", "event_id"),
            f"{_among('stream', [stream])} AND day BETWEEN '{min(days)}' AND '{max(days)}'"
            f" AND sequence BETWEEN {messages[0].sequence} AND {messages[-1].sequence}",
        )
        return {(stream, row["sequence"], row["event_id"]) for batch in batches for row in batch.to_pylist()}

    def _select(
        self, columns: Sequence[str], predicate: str, *, version: int | None = None, order: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        with self._failures_named():
            yield from _query(self._open(version), columns, predicate, order)

    def _open(self, version: int | None = None) -> DeltaTable:
        try:
            return DeltaTable(self._address, version=version, storage_options=self._options)
        except TableNotFoundError as error:
            raise OfflineStoreFailed(
                f"offline store {self._address} holds no table yet; the archive consumer makes it with the first event"
            ) from error

    def _open_or_create(self) -> DeltaTable:
        with suppress(TableNotFoundError):
            return DeltaTable(self._address, storage_options=self._options)
        with suppress(CommitFailedError):  # another process was first
            DeltaTable.create(
                self._address,
                SCHEMA,
                mode="ignore",
                partition_by=["stream", "day"],
                configuration={"delta.dataSkippingStatsColumns": _STATISTICS},
                storage_options=self._options,
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        return DeltaTable(self._address, storage_options=self._options)

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise OfflineStoreFailed(
                f"offline store {self._address}: {error}; check that it can be reached and written and has room"
            ) from error


def _identity(row: Archived) -> tuple[str, int, str]:
    return row.stream, row.sequence, row.event_id


def _among(column: str, values: Sequence[str]) -> str:
    literals = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({literals})" if values else "FALSE"


def _query(
    table: DeltaTable, columns: Sequence[str], predicate: str, order: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    sql = f"SELECT {', '.join(columns)} FROM events WHERE {predicate}"  # noqa: S608  # values are quoted by _among
    if order:
        sql += f" ORDER BY {', '.join(order)}"
    reader = pa.RecordBatchReader.from_stream(QueryBuilder().register("events", table).execute(sql))
    # The engine answers with string views, which fewer readers know.
    yield from reader.cast(pa.schema([SCHEMA.field(name) for name in columns]))
