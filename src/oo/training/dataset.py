"""What a model is trained on and judged by: decisions with the features that were served and what they earned."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from oo.errors import DatasetUnfinished
from oo.training.skew import Skew

HOLDOUT_SHARE = 0.25
"""The newest rows, on which nothing is fitted and by which a model is judged."""

FITTED, HOLDOUT = "fitted", "holdout"
DECISIONS = pa.schema(
    {
        "decision_id": pa.string(),
        "tenant_id": pa.string(),
        "user_id": pa.string(),
        "decided_at": pa.timestamp("us", tz="UTC"),
        "propensity": pa.float64(),
        "reward": pa.float64(),
    }
)
_ROWS, _MANIFEST = "dataset.parquet", "dataset.json"
_ROW_GROUP = 8_192
"""Rows that are written, and read, at a time."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where a dataset came from: enough to build it again and to see that it is the same."""

    feature_service: str
    feature_digest: str
    tenants: tuple[str, ...]
    as_of: str
    """Nothing later was known. ISO 8601."""
    table_version: int
    """The version of the offline store that was read."""
    rows: int
    excluded: Mapping[str, int]
    """How many decisions were left out, by reason."""
    rows_sha256: str
    """Of the decisions, rewards and encoded rows in order."""
    first_decided_at: str | None
    last_decided_at: str | None
    skew: Skew
    """Served signal values against the same folds run again."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """What decided which rows are there, beside the fields above."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows in the order of their decisions' times, then ids."""

    decisions: pa.Table
    """One row a decision, as `DECISIONS` says."""
    rows: npt.NDArray[np.float32]
    """The encoded rows, shape (n, width)."""
    manifest: Manifest

    @cached_property
    def rewards(self) -> npt.NDArray[np.float64]:
        """What each decision earned, shape (n,), 0 or 1."""
        rewards: npt.NDArray[np.float64] = self.decisions["reward"].to_numpy()
        return rewards

    @property
    def fitted(self) -> slice:
        """The rows that a model is fitted on: all but the holdout, and older than it."""
        return slice(0, len(self.rows) - round(len(self.rows) * HOLDOUT_SHARE))

    @property
    def holdout(self) -> slice:
        """The newest rows, kept for the verdict."""
        return slice(self.fitted.stop, len(self.rows))

    def training_rows(self) -> bytes:
        """A Parquet file that says which decisions were used, and whether for fitting or for the verdict (`part`)."""
        table = self.decisions.select(["decision_id", "tenant_id", "user_id", "reward"])
        newest = len(self.rows) - self.fitted.stop
        parts = pa.array([FITTED] * self.fitted.stop + [HOLDOUT] * newest, pa.string())
        sink = io.BytesIO()
        pq.write_table(table.append_column("part", parts), sink)
        return sink.getvalue()

    def save(self, folder: Path) -> None:
        """Write the dataset into `folder`, which is made."""
        with DatasetFile.written(folder, self.rows.shape[1]) as file:
            file.append(self.decisions, self.rows)
        seal(folder, self.manifest)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The dataset that `save` wrote into `folder`.

        It takes the matrix of float32, the ids, and no more than a piece of the file at a time beside them.

        Raises:
            DatasetUnfinished: it was not written to its end.
        """
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DatasetUnfinished(f"{folder} holds no whole dataset; assemble it again") from error
        manifest["tenants"] = tuple(manifest["tenants"])
        decisions, start = [], 0
        with pq.ParquetFile(folder / _ROWS) as file:
            rows = np.empty((file.metadata.num_rows, file.schema_arrow.field("row").type.list_size), dtype=np.float32)
            for group in range(file.num_row_groups):  # `iter_batches` keeps memory for every one that it has read
                table = file.read_row_group(group, use_threads=False)
                rows[start : start + len(table)] = cells(table["row"].combine_chunks())
                start += len(table)
                decisions.append(table.drop_columns(["row"]))
        return cls(pa.concat_tables([DECISIONS.empty_table(), *decisions]), rows, Manifest(**manifest))


class DatasetFile:
    """Decisions with their rows as they come in, in order; the dataset is there when its manifest is, see `seal`."""

    def __init__(self, writer: pq.ParquetWriter, width: int) -> None:
        self._writer = writer
        self._width = width
        self._pending: list[pa.Table] = []
        self.fingerprint = Fingerprint()
        """Of all that was appended."""
        self.rows = 0
        """How many rows were appended."""

    @classmethod
    @contextmanager
    def written(cls, folder: Path, width: int) -> Iterator[Self]:
        """A file of rows of this many cells in `folder`, which is made; it takes its name when all is written."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MANIFEST).unlink(missing_ok=True)
        begun = folder / f"begun.{_ROWS}"  # still a .parquet: who erases a person looks for these
        with pq.ParquetWriter(begun, DECISIONS.append(pa.field("row", pa.list_(pa.float32(), width)))) as writer:
            file = cls(writer, width)
            yield file
            file._write()  # its own
        begun.replace(folder / _ROWS)

    def append(self, decisions: pa.Table, rows: npt.NDArray[np.float32]) -> None:
        """Add decisions, as `DECISIONS` says, with their encoded rows, shape (n, width)."""
        self.fingerprint.update(decisions, rows)
        self.rows += len(rows)
        self._pending.append(decisions.append_column("row", as_column(rows, self._width)))
        if sum(map(len, self._pending)) >= _ROW_GROUP:
            self._write()

    def _write(self) -> None:
        if self._pending:
            self._writer.write_table(pa.concat_tables(self._pending), row_group_size=_ROW_GROUP)
            self._pending.clear()


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, last of all: with it the dataset in `folder` is complete."""
    unfinished = folder / f"{_MANIFEST}.unfinished"
    unfinished.write_text(json.dumps(asdict(manifest), indent=2), encoding="utf-8")
    unfinished.rename(folder / _MANIFEST)


def as_column(rows: npt.NDArray[np.float32], width: int) -> pa.FixedSizeListArray:
    """Encoded rows, shape (n, width), as a column of lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel(), pa.float32()), width)


def cells(column: pa.FixedSizeListArray) -> npt.NDArray[np.float32]:
    """The encoded rows, shape (n, width), of a column of lists."""
    rows: npt.NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=False)
    return rows.reshape(len(column), column.type.list_size)


class Fingerprint:
    """SHA-256 over decisions, rewards and rows, equal for equal content in whatever pieces it comes."""

    def __init__(self) -> None:
        self._rows, self._decisions = hashlib.sha256(), hashlib.sha256()

    def update(self, decisions: pa.Table, rows: npt.NDArray[np.float32]) -> None:
        """Add decisions with their rows."""
        self._rows.update(np.ascontiguousarray(rows, dtype="<f4").data)
        for row in decisions.select(DECISIONS.names).to_pylist():
            self._decisions.update(json.dumps(list(row.values()), default=str).encode())

    def hexdigest(self) -> str:
        """The fingerprint of all that was added."""
        return hashlib.sha256(self._rows.digest() + self._decisions.digest()).hexdigest()


def fingerprint(decisions: pa.Table, rows: npt.NDArray[np.float32]) -> str:
    """The `Fingerprint` of decisions with their rows."""
    whole = Fingerprint()
    whole.update(decisions, rows)
    return whole.hexdigest()
