"""Parts of the people, so that what is more than memory holds is read one part at a time."""

from dataclasses import dataclass
from zlib import crc32

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts; each person is in exactly one of them, on every machine and for ever."""

    index: int
    """From 0."""
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f"there is no shard {self.index} of {self.count}")

    def holds(self, tenant_id: str, user_id: str) -> bool:
        """Whether the person is in this part."""
        # A checksum, since every row of the table is asked for every shard: a digest would take several times as long.
        return crc32(f"{tenant_id}\0{user_id}".encode()) % self.count == self.index

    def among(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows are of its people, by their columns `tenant_id` and `user_id`."""
        people = zip(rows["tenant_id"].to_pylist(), rows["user_id"].to_pylist(), strict=True)
        holds = self.holds
        return pa.array([holds(tenant_id, user_id) for tenant_id, user_id in people], pa.bool_())


WHOLE = Shard(0, 1)
"""Everybody."""
