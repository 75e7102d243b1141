"""The decisions of a time range, each once, in a file that is gone at the end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from oo.events.codec import decode
from oo.events.envelope import Envelope
from oo.offline.store import OfflineStore
from oo.rollout.decision import Decision
from oo.rollout.records import Records

_TABLE = """
CREATE TABLE decided (
  tenant TEXT, decision TEXT, shadow INTEGER, at REAL, event TEXT, role TEXT, version TEXT, digest TEXT,
  best TEXT, arms BLOB, scores BLOB, latency REAL, degraded INTEGER, cached INTEGER, target REAL,
  PRIMARY KEY (tenant, decision, shadow)
) WITHOUT ROWID
"""
_KEEP_FIRST = """
INSERT INTO decided VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET at = excluded.at, event = excluded.event, role = excluded.role, version = excluded.version,
  digest = excluded.digest, best = excluded.best, arms = excluded.arms, scores = excluded.scores,
  latency = excluded.latency, degraded = excluded.degraded, cached = excluded.cached, target = excluded.target
WHERE (excluded.at, excluded.event) < (decided.at, decided.event)
"""
# A stable decision beside its shadow's, or beside nulls. What came out of a cache is compared with nothing.
_PAIRS = """
SELECT one.*, other.* FROM decided AS one
LEFT JOIN decided AS other ON (other.tenant, other.decision, other.shadow) = (one.tenant, one.decision, 1)
WHERE one.shadow = 0 AND one.cached = 0 AND one.at >= ? AND one.at < ? ORDER BY one.tenant, one.decision
"""
_TARGET = "SELECT target FROM decided WHERE tenant = ? AND decision = ? AND shadow = 1"
_WIDTH = len(Decision._fields)


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of event time, its end left out."""

    since: datetime
    until: datetime


class Decided:
    """Decisions on disk, so that memory does not grow with them. Of several records of one decision the first stands.

    That is as in the reward join, and shadows are counted by themselves.
    """

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def __iter__(self) -> Iterator[Decision]:
        """All that were not a shadow's, in no particular order."""
        yield from map(Decision._make, self._file.execute("SELECT * FROM decided WHERE shadow = 0"))

    def pairs(self, within: Range) -> Iterator[tuple[Decision, Decision | None]]:
        """Each decision of the range beside its shadow's, in the order of tenants and ids."""
        times = (within.since.timestamp(), within.until.timestamp())
        for row in self._file.execute(_PAIRS, times):
            yield Decision._make(row[:_WIDTH]), Decision._make(row[_WIDTH:]) if row[_WIDTH] is not None else None

    def target(self, tenant: str, decision: str) -> float | None:
        """The probability with which the replayed candidate makes the logged choice; None when it was not replayed."""
        row = self._file.execute(_TARGET, (tenant, decision)).fetchone()
        return row[0] if row else None


@contextmanager
def decided_in(store: OfflineStore, records: Records, within: Range) -> Iterator[Decided]:
    """The decisions of a subject in a range of time.

    Args:
        store: the archive.
        records: which they are.
        within: of `occurred_at`.

    Raises:
        OfflineStoreFailed: the archive cannot be read.
    """
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "decided.db")) as file:
        # What a crash leaves of it is of no use to anybody.
        file.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLE}")
        for envelopes in _read(store, records, within):
            file.executemany(_KEEP_FIRST, chain.from_iterable(map(records.read, envelopes)))
        yield Decided(file)


def _read(store: OfflineStore, records: Records, within: Range) -> Iterator[Iterator[Envelope]]:
    tenants = None if records.tenant is None else [records.tenant]
    found = store.scan([records.event], tenant_ids=tenants, since=within.since, until=within.until, columns=["payload"])
    for batch in found:
        yield (decode(payload.as_py().encode()) for payload in batch["payload"])
