"""The Delta table of the offline store: the only file that knows the product."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Self

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from oo.errors import OfflineStoreFailed
from oo.offline.archived import COLUMNS, SCHEMA, Archived

# Files are skipped by these columns' smallest and largest values. Payloads and people stay out of the transaction log.
_STATISTICS = "sequence,event_type,tenant_id,decision_id,occurred_at,published_at"


class EventsTable:
    """One version of the table, partitioned by `stream` and `day`.

    An archive's batch comes out of one stream, so an append is one file (a partition by event type would make up to
    four), and within a stream the files' ranges of `sequence` hardly overlap: whether a message is there already is a
    look at one file or none. A scan for decisions and feedback skips the signals, which are most of the bytes.

    It is opened anew for each use: a handle that made many commits keeps each as a piece of its own and grows slower
    with every one (after 300 appends a lookup took 100 ms instead of 2 ms).
    """

    def __init__(self, table: DeltaTable) -> None:
        self._table = table

    @classmethod
    def open(cls, address: str, options: Mapping[str, str], version: int | None = None) -> Self:
        """The table at this version, the latest when None.

        Raises:
            OfflineStoreFailed: there is no table.
        """
        try:
            return cls(DeltaTable(address, version=version, storage_options=dict(options)))
        except TableNotFoundError as error:
            raise OfflineStoreFailed(
                f"offline store {address} holds no table yet; the archive consumer makes it with the first event"
            ) from error

    @classmethod
    def open_or_create(cls, address: str, options: Mapping[str, str]) -> Self:
        """The latest version of the table, made when there is none; of several that make it at once, one does."""
        with suppress(TableNotFoundError):
            return cls(DeltaTable(address, storage_options=dict(options)))
        with suppress(CommitFailedError):  # another process was first
            DeltaTable.create(
                address,
                SCHEMA,
                mode="ignore",
                partition_by=["stream", "day"],
                configuration={"delta.dataSkippingStatsColumns": _STATISTICS},
                storage_options=dict(options),
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        return cls(DeltaTable(address, storage_options=dict(options)))

    @property
    def version(self) -> int:
        """The version that was opened."""
        return self._table.version()

    def append(self, rows: Sequence[Archived]) -> bool:
        """Add the rows in one commit, unless another writer has added to one of their streams since the opening.

        Each stream is a Delta application transaction, of which two from one version cannot both be committed.

        Returns:
            Whether the rows were added.
        """
        last = {row.stream: row.sequence for row in rows}
        columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        try:
            write_deltalake(
                self._table,
                pa.table(columns, schema=SCHEMA),
                mode="append",
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(f"archive-{stream}", sequence) for stream, sequence in last.items()]
                ),
            )
        except CommitFailedError:
            return False
        return True

    def select(self, columns: Sequence[str], where: str, order: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Stream these columns of the rows for which the SQL predicate `where` holds."""
        sql = f"SELECT {', '.join(columns)} FROM events WHERE {where}"  # noqa: S608  # values are quoted by `among`
        if order:
            sql += f" ORDER BY {', '.join(order)}"
        reader = pa.RecordBatchReader.from_stream(QueryBuilder().register("events", self._table).execute(sql))
        # The engine answers with string views, which fewer readers know.
        yield from reader.cast(pa.schema([SCHEMA.field(name) for name in columns]))


def among(column: str, values: Sequence[str]) -> str:
    """The SQL predicate that the column holds one of these values."""
    literals = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({literals})" if values else "FALSE"


@contextmanager
def failures_named(address: str) -> Iterator[None]:
    """Name the store and the remedy when its table or its place fails.

    Raises:
        OfflineStoreFailed: in place of what was raised.
    """
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise OfflineStoreFailed(
            f"offline store {address}: {error}; check that it can be reached and written and has room"
        ) from error
