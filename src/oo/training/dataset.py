"""What a model is trained on and judged by: decisions with the features that were served and what they earned."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

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
        folder.mkdir(parents=True, exist_ok=True)
        cells = pa.FixedSizeListArray.from_arrays(pa.array(self.rows.ravel()), self.rows.shape[1])
        pq.write_table(self.decisions.append_column("row", cells), folder / _ROWS)
        (folder / _MANIFEST).write_text(json.dumps(asdict(self.manifest), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The dataset that `save` wrote into `folder`."""
        table = pq.read_table(folder / _ROWS)
        cells = table["row"].combine_chunks()
        rows = cells.flatten().to_numpy(zero_copy_only=False).reshape(len(table), cells.type.list_size)
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        manifest["tenants"] = tuple(manifest["tenants"])
        return cls(table.drop_columns(["row"]), rows, Manifest(**manifest))


def fingerprint(decisions: pa.Table, rows: npt.NDArray[np.float32]) -> str:
    """SHA-256 over decisions, rewards and rows, equal for equal content however it is stored."""
    digest = hashlib.sha256(np.ascontiguousarray(rows, dtype="<f4").tobytes())
    for row in decisions.to_pylist():
        digest.update(json.dumps(list(row.values()), default=str).encode())
    return digest.hexdigest()
