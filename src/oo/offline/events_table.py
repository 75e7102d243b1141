"""The Delta table of the offline store: the only file that knows the product."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self
from urllib.parse import unquote

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
from deltalake import (
    CommitProperties,
    DeltaTable,
    QueryBuilder,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileInfo, FileSelector, PyFileSystem  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.errors import OfflineStoreFailed
from oo.offline.archived import SCHEMA, Archived, as_table
from oo.offline.predicates import PersonsRows

LONGEST_RETENTION = timedelta(days=2)
"""The most that `vacuum` may be asked for."""
_CONFIGURATION = {
    # Files are skipped by these columns' smallest and largest values. Payloads and people stay out of the log.
    "delta.dataSkippingStatsColumns": "sequence,event_type,tenant_id,decision_id,occurred_at,published_at",
    # To open the table costs half a millisecond for each commit since the last checkpoint, and each append opens it.
    "delta.checkpointInterval": "10",
    # `trim_log` does it, and knows what is named.
    "delta.enableExpiredLogCleanup": "false",
    # For so long the log knows when a file was merged away, and `vacuum` can spare it.
    "delta.deletedFileRetentionDuration": f"interval {LONGEST_RETENTION.days} days",
}
_NAME = "oo.snapshot."
"""Begins the table property that holds a named version. A property of an empty value is no name: none can be unset."""
_SMALL_FILE = 64 * 2**20
"""Bytes below which a file is worth merging with its like."""
_LOG = "_delta_log"
_CLAIM = "compacting"
_PARTITIONS = ["day", "event_type"]
_MERGED = WriterProperties(compression="ZSTD", compression_level=3, max_row_group_size=20_000)
"""Smaller pieces than by default, so that a look for one decision does not unpack a whole file."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A named version of the table, which keeps its files and can be read for ever."""

    name: str
    version: int
    named_at: datetime


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the table."""

    day: date
    event_type: str
    bytes: int

    @property
    def small(self) -> bool:
        """Whether it is worth merging with its like."""
        return self.bytes < _SMALL_FILE


class CommitRefused(OfflineStoreFailed):
    """Another commit came between the look at the table and the change of it; to look again helps."""


class EventsTable:
    """One version of the table, partitioned by `day` and `event_type`.

    An event type belongs to one stream, so a partition does too, and in it the files' ranges of `sequence` hardly
    overlap. A scan for decisions and feedback reads nothing of the signals. A batch of mixed signals becomes up to four
    files, which `compact` makes one again.

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
    def is_at(cls, address: str, options: Mapping[str, str]) -> bool:
        """Whether there is a table."""
        return DeltaTable.is_deltatable(address, storage_options=dict(options))

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
                partition_by=_PARTITIONS,
                configuration=_CONFIGURATION,
                storage_options=dict(options),
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        return cls(DeltaTable(address, storage_options=dict(options)))

    @property
    def version(self) -> int:
        """The version that was opened."""
        return self._table.version()

    def through(self, stream: str) -> int | None:
        """The highest sequence of the stream that was ever appended; None when no append has told it."""
        return self._table.transaction_version(_transaction(stream))

    def append(self, rows: Sequence[Archived], through: Mapping[str, int]) -> None:
        """Add the rows in one commit, unless another writer has added to one of their streams since the opening.

        Each stream is a Delta application transaction, of which two from one version cannot both be committed.

        Args:
            rows: what to add.
            through: the highest sequence of each of their streams from now on.

        Raises:
            CommitRefused: another writer has; nothing was added.
        """
        transactions = [Transaction(_transaction(stream), sequence) for stream, sequence in through.items()]
        with _refusals_told():
            write_deltalake(
                self._table,
                as_table(rows),
                mode="append",
                commit_properties=CommitProperties(app_transactions=transactions),
            )

    def select(self, columns: Sequence[str], where: str, order: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Stream these columns of the rows for which the SQL predicate `where` holds."""
        sql = f"SELECT {', '.join(columns)} FROM events WHERE {where}"  # noqa: S608  # values are quoted by `among`
        if order:
            sql += f" ORDER BY {', '.join(order)}"
        # The engine answers with string views, which fewer readers know.
        yield from self._query(sql).cast(pa.schema([SCHEMA.field(name) for name in columns]))

    def highest_sequence(self, where: str) -> int | None:
        """The highest sequence of the rows for which the SQL predicate `where` holds."""
        sql = f"SELECT max(sequence) AS highest FROM events WHERE {where}"  # noqa: S608  # values are quoted by `among`
        highest: int | None = self._query(sql).read_all()["highest"][0].as_py()
        return highest

    def _query(self, sql: str) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_stream(QueryBuilder().register("events", self._table).execute(sql))

    def files(self) -> list[DataFile]:
        """The files of this version."""
        if self._table.metadata().partition_columns != _PARTITIONS:
            raise OfflineStoreFailed(
                "the table is partitioned otherwise, as an earlier release did; move it away and delete the durables"
                " archive-*, and the archive makes it anew from the streams"
            )
        actions = pa.table(self._table.get_add_actions(flatten=True))
        columns = (actions[name].to_pylist() for name in ("partition.day", "partition.event_type", "size_bytes"))
        return [DataFile(*values) for values in zip(*columns, strict=True)]

    def compact(self, day: date) -> int:
        """Merge the small files of a day, in the order in which they were written; returns how many there were.

        An append meanwhile is no hindrance. Another merging is, and the product does not see it: two of the same files
        both succeed, and every row is there twice. So it must be claimed first.
        """
        with _refusals_told():
            merged = self._table.optimize.compact(
                partition_filters=[("day", "=", day.isoformat())],
                target_size=2 * _SMALL_FILE,
                writer_properties=_MERGED,
            )
        return int(merged["numFilesRemoved"])

    def days_of(self, rows: PersonsRows) -> dict[date, int]:
        """How many of these rows there are, by day."""
        sql = f"SELECT day, count(*) AS n FROM events WHERE {rows.where} GROUP BY day ORDER BY day"  # noqa: S608  # quoted by `among`
        counted = self._query(sql).read_all()
        return dict(zip(counted["day"].to_pylist(), counted["n"].to_pylist(), strict=True))

    def blank(self, rows: PersonsRows, day: date) -> int:
        """Write the files of a day anew, these rows without user id and payload; returns how many they were.

        It must be claimed first, as for `compact`. The old files are still there.

        Raises:
            CommitRefused: another commit of that day came between.
        """
        with _refusals_told():
            done = self._table.update(
                predicate=f"day = '{day.isoformat()}' AND {rows.where}",
                updates={"user_id": "''", "payload": "''"},
                writer_properties=_MERGED,
            )
        return int(done["num_updated_rows"])

    def paths(self) -> set[str]:
        """The files of this version."""
        return set(map(unquote, pa.table(self._table.get_add_actions(flatten=True))["path"].to_pylist()))

    def files_on_disk(self) -> list[FileInfo]:
        """Every data file that exists, whether or not a version needs it."""
        found = self._folder().get_file_info(FileSelector("", recursive=True))
        return [info for info in found if info.extension == "parquet" and not info.path.startswith(_LOG)]

    def count_in(self, path: str, rows: PersonsRows) -> int:
        """How many of these rows a data file holds.

        Raises:
            pyarrow.ArrowInvalid: it is no whole file.
        """
        with self._folder().open_input_file(path) as file:
            return rows.among(pq.ParquetFile(file).read(["tenant_id", "user_id", "occurred_at"]))

    def delete_file(self, path: str) -> None:
        """Delete a data file; the versions that need it cannot be read any more."""
        self._folder().delete_file(path)

    def claimed_until(self) -> datetime:
        """Until when somebody has the sole right to merge."""
        return datetime.fromtimestamp(self._table.transaction_version(_CLAIM) or 0, UTC)

    def claim(self, until: datetime) -> datetime:
        """Take the sole right to merge until this moment, to the second; the present gives it back.

        Raises:
            CommitRefused: another took it meanwhile.
        """
        seconds = int(until.timestamp())
        with _refusals_told():
            write_deltalake(
                self._table,
                as_table(()),
                mode="append",
                commit_properties=CommitProperties(app_transactions=[Transaction(_CLAIM, seconds)]),
            )
        return datetime.fromtimestamp(seconds, UTC)

    def vacuum(self, older_than: timedelta, *, dry_run: bool) -> int:
        """Delete files that neither this version nor a named one nor one younger than `older_than` needs.

        Returns:
            How many there were.

        Raises:
            CommitRefused: another commit came between.
        """
        # The product tells also of those that an earlier run has deleted.
        there = {info.path for info in self._folder().get_file_info(FileSelector("", recursive=True))}
        with _refusals_told():
            needless = self._table.vacuum(
                retention_hours=int(older_than / timedelta(hours=1)),
                dry_run=dry_run,
                enforce_retention_duration=False,
                full=True,
                keep_versions=[snapshot.version for snapshot in self.snapshots()],
            )
        return len(there.intersection(map(unquote, needless)))

    def trim_log(self, before: datetime, *, dry_run: bool) -> int:
        """Delete the log's files that only versions from before this moment need, named ones excepted.

        The product's own clean-up would delete the named versions' too. Without any, an append becomes slower with
        every one before it: 10,000 files in the log are 60 ms.

        Returns:
            How many there were.
        """
        files = self._folder()
        log = [
            (int(info.base_name[:20]), info)
            for info in files.get_file_info(FileSelector(_LOG))
            if info.base_name[:20].isdigit()
        ]
        checkpoints = [version for version, info in log if _is_checkpoint(info) and info.mtime < before]
        kept = {snapshot.version for snapshot in self.snapshots()}
        needless = [
            info.path
            for version, info in log
            if version < max(checkpoints, default=0) and not (version in kept and _is_checkpoint(info))
        ]
        if not dry_run:
            for path in needless:
                files.delete_file(path)
        return len(needless)

    def _folder(self) -> PyFileSystem:
        return PyFileSystem(DeltaStorageHandler.from_table(self._table._table))  # noqa: SLF001  # as deltalake does

    def snapshots(self) -> list[Snapshot]:
        """The named versions, oldest first."""
        named = [
            Snapshot(key.removeprefix(_NAME), found["version"], datetime.fromisoformat(found["named_at"]))
            for key, value in self._table.metadata().configuration.items()
            if key.startswith(_NAME) and value and (found := json.loads(value))
        ]
        return sorted(named, key=lambda snapshot: (snapshot.version, snapshot.name))

    def name(self, name: str, now: datetime) -> Snapshot:
        """Name this version; its checkpoint makes it readable without the log before it.

        Raises:
            CommitRefused: another commit came between.
        """
        snapshot = Snapshot(name, self.version, now)
        self._table.create_checkpoint()
        self._set(name, json.dumps({"version": snapshot.version, "named_at": now.isoformat()}))
        return snapshot

    def drop(self, name: str) -> None:
        """Forget the name of a version.

        Raises:
            CommitRefused: another commit came between.
        """
        self._set(name, "")

    def _set(self, name: str, value: str) -> None:
        # A table of an earlier release still has the product's own clean-up.
        properties = {_NAME + name: value, "delta.enableExpiredLogCleanup": "false"}
        with _refusals_told():
            self._table.alter.set_table_properties(properties, raise_if_not_exists=False)


def _transaction(stream: str) -> str:
    return f"archived-{stream}"


def _is_checkpoint(info: FileInfo) -> bool:
    return ".checkpoint." in info.base_name


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise CommitRefused(str(error)) from error


@contextmanager
def failures_named(address: str) -> Iterator[None]:
    """Name the store and the remedy when its table or its place fails.

    Raises:
        OfflineStoreFailed: in place of what was raised.
    """
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        told = _one_line(str(error))
        raise OfflineStoreFailed(f"offline store {address}: {_remedy(told)} ({told})") from error


def _one_line(told: str) -> str:
    """What the product tells, without its colours and its tree of causes."""
    return " ".join(re.sub(r"\x1b\[\d+m|↳", " ", told).split())


def _remedy(told: str) -> str:
    """What to do about a failure; the product tells its kind by words only."""
    for words, remedy in _REMEDIES.items():
        if any(word in told for word in words):
            return remedy
    return "it failed; check that it can be reached and written and has room"


_REMEDIES = {
    ("os error 28", "os error 27", "os error 122", "No space left"): "no room; make some, nothing is lost",
    (
        "os error 13",
        "os error 1)",
        "os error 30",
    ): "this process may not write; allow it, nothing is lost",
}
"""By how Linux' numbers are told: full, over the file limit, over the quota; denied, forbidden, read-only."""
