"""A shard's examples as a file, and the files of all shards as one sequence in the order of time."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from oo.errors import DatasetUnfinished
from oo.training.dataset import DECISIONS

ORDER = ("decided_at", "decision_id", "tenant_id", "user_id")
"""Of the rows; no two rows are equals in it."""
ROW_GROUP = 1_024
"""Rows of each shard that a merge holds at a time."""
_NAME = "shard.parquet"
_HEADER = b"oo.shard"

Key = tuple[datetime, *tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Header:
    """Where a shard came from. All down to `count` is the same in all shards of a dataset."""

    feature_service: str
    feature_digest: str
    tenants: tuple[str, ...]
    as_of: str
    table_version: int
    filters: Mapping[str, str]
    count: int
    """How many shards there are."""
    index: int
    rows: int
    excluded: Mapping[str, int]

    @property
    def origin(self) -> Self:
        """What it has in common with its like."""
        return replace(self, index=0, rows=0, excluded={})


def schema(width: int) -> pa.Schema:
    """The columns of a shard's file whose rows have this many cells."""
    served = {"row": pa.list_(pa.float32(), width), "signal": pa.string(), "signal_sequence": pa.uint64()}
    return pa.schema([*DECISIONS, *map(pa.field, served.keys(), served.values())])


def write(folder: Path, examples: pa.Table, header: Header) -> None:
    """Write a shard into `folder`, which is made. It is there whole or not at all.

    Args:
        folder: holds this shard alone.
        examples: with the columns of `schema`, in any order of rows.
        header: where they came from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begun = folder / f"begun.{_NAME}"  # still a .parquet: who erases a person looks for these
    told = {_HEADER: json.dumps(asdict(header)).encode()}
    ordered = examples.sort_by([(name, "ascending") for name in ORDER])
    pq.write_table(ordered.replace_schema_metadata(told), begun, row_group_size=ROW_GROUP)
    begun.replace(folder / _NAME)


class Shards:
    """The shards of one dataset, all of them, opened by `opened`."""

    def __init__(self, files: Sequence[pq.ParquetFile], headers: Sequence[Header]) -> None:
        self._files = files
        self.origin = headers[0].origin
        self.headers = headers

    @property
    def width(self) -> int:
        """The number of cells in a row."""
        width: int = self._files[0].schema_arrow.field("row").type.list_size
        return width

    def rows(self) -> Iterator[pa.Table]:
        """All rows in `ORDER`, some thousand at a time.

        Held at a time is a row group of each shard: once the run whose held rows end first is at its end, nothing that
        is still unread comes before that, so all that is held up to there can go.
        """
        runs = [_Run(file) for file in self._files]
        while runs := [run for run in runs if run.refill()]:
            through = min(run.last for run in runs)
            yield pa.concat_tables([run.take(through) for run in runs]).sort_by([(name, "ascending") for name in ORDER])


def opened(folders: Sequence[Path], stack: ExitStack) -> Shards:
    """The shards in these folders, in any order, open until `stack` is left.

    Raises:
        DatasetUnfinished: one is missing, twice there, not whole, or not of the same origin as the others.
    """
    files, headers = [], []
    for folder in folders:
        try:
            file = stack.enter_context(pq.ParquetFile(folder / _NAME))
            headers.append(_header(file.schema_arrow.metadata))
        except (OSError, KeyError, pa.ArrowInvalid) as error:
            raise DatasetUnfinished(f"{folder} holds no whole shard ({error}); assemble it again") from error
        files.append(file)
    if not headers:
        raise DatasetUnfinished("there are no shards to merge; plan and assemble them first")
    if any(header.origin != headers[0].origin for header in headers):
        raise DatasetUnfinished("these shards are of different plans; assemble all of one plan")
    indexes, count = sorted(header.index for header in headers), headers[0].count
    if indexes != list(range(count)):
        there = ", ".join(map(str, indexes))
        raise DatasetUnfinished(
            f"a dataset of {count} shards takes each once, and here are {there}; assemble the others"
        )
    return Shards(files, headers)


class _Run:
    """The rows of one shard that are held, and those that are still to be read."""

    def __init__(self, file: pq.ParquetFile) -> None:
        # Not `iter_batches`: it keeps memory for every one that it has read.
        self._groups = (file.read_row_group(group, use_threads=False) for group in range(file.num_row_groups))
        self._held = pa.table({})

    def refill(self) -> bool:
        """Hold some rows, unless none are left."""
        while not len(self._held):
            group = next(self._groups, None)
            if group is None:
                return False
            self._held = group
        return True

    @property
    def last(self) -> Key:
        return self._key(len(self._held) - 1)

    def take(self, through: Key) -> pa.Table:
        """The held rows up to this one, which are held no longer."""
        place = bisect_right(range(len(self._held)), through, key=self._key)
        taken, self._held = self._held.slice(0, place), self._held.slice(place)
        return taken

    def _key(self, place: int) -> Key:
        decided_at, *ids = (self._held[name][place].as_py() for name in ORDER)
        return decided_at, *ids


def _header(metadata: Mapping[bytes, bytes] | None) -> Header:
    told: dict[str, Any] = json.loads((metadata or {})[_HEADER])
    return Header(**{**told, "tenants": tuple(told["tenants"])})
