import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest

from oo.errors import OfflineStoreFailed
from oo.events.envelope import EVENT_TYPES
from oo.offline.claim import CLAIM
from oo.offline.erasure import Erasure
from oo.offline.events_table import EventsTable
from oo.offline.predicates import PersonsRows
from oo.offline.store import OfflineStore
from tests.unit.offline.test_store import exposed, row

ODD = "ada'%\"\\"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The rows tell of a minute before."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "offline"


@pytest.fixture
def store(folder: Path) -> OfflineStore:
    return OfflineStore(folder)


def now() -> datetime:
    return datetime.now(UTC)


def erase(store: OfflineStore, user: str = ODD, until: datetime = NOON, *, dry_run: bool = False) -> Erasure:
    rows = PersonsRows("t1", user, until)
    return store.erase(rows, clock=now, dry_run=dry_run, progress=lambda _done, _of: None)


def held(store: OfflineStore) -> list[tuple[str, str, int]]:
    rows = (row for batch in store.scan(EVENT_TYPES) for row in batch.to_pylist())
    return sorted((row["tenant_id"], row["user_id"], row["sequence"]) for row in rows)


def fill(store: OfflineStore) -> list[tuple[str, str, int]]:
    """Rows of the odd one on two days, and of others in the same files; tells those of others."""
    tomorrow = (NOON + timedelta(days=1)).date()
    others = [row(2, user="ada"), row(4, user=ODD, tenant="t2"), row(6, user=ODD[:-1])]
    store.append([row(1, user=ODD), others[0]])
    store.append([replace(row(3, user=ODD), day=tomorrow), others[1]])
    store.append([exposed(5, "d5", user=ODD), others[2]])
    return sorted((row.tenant_id, row.user_id, row.sequence) for row in others)


def on_disk(folder: Path) -> Iterator[tuple[str, str]]:
    return ((user, payload) for _, user, payload in by_tenant(folder))


def by_tenant(folder: Path) -> Iterator[tuple[str, str, str]]:
    for path in folder.rglob("part-*.parquet"):
        for line in pq.ParquetFile(path).read().to_pylist():
            yield line["tenant_id"], line["user_id"], line["payload"]


def test_rows_become_blank_and_every_file_that_held_them_is_gone(store: OfflineStore, folder: Path) -> None:
    others = fill(store)
    version = store.version()

    done = erase(store)

    assert (done.rows, done.blanked) == (3, 3)
    assert done.files == done.deleted == 3
    assert held(store) == others
    assert sorted(user for user, _ in on_disk(folder)) == sorted(["", "", "", *(user for _, user, _ in others)])
    assert all(payload == "" for user, payload in on_disk(folder) if not user)
    since = datetime(1970, 1, 1, tzinfo=UTC)
    kept = store.sequences("SIGNALS", since, store.version(), 1, 9)
    assert sorted(n for numbers in kept for n in numbers.to_pylist()) == [1, 2, 3, 4, 6], "nothing looks lost"
    assert store.has_event("SIGNALS-1", store.version())
    assert [(found.user_id, found.payload) for found in store.decision("d5")] == [("", "")]
    with pytest.raises(OfflineStoreFailed):
        list(store.scan(EVENT_TYPES, version=version))
    assert erase(store) == Erasure()


def test_the_log_names_nobody(store: OfflineStore, folder: Path) -> None:
    user = "somebody-with-a-long-name"
    for sequence in range(1, 13):  # so that there is a checkpoint
        store.append([row(sequence, user=user)])
    erase(store, user)
    logs = [path for path in (folder / "_delta_log").rglob("*") if path.is_file()]
    assert any(".checkpoint" in path.name for path in logs)
    for path in logs:
        told = repr(pq.ParquetFile(path).read().to_pylist()) if path.suffix == ".parquet" else path.read_text()
        assert user not in told


def test_what_happened_later_stays(store: OfflineStore, folder: Path) -> None:
    fill(store)
    before, version = held(store), store.version()

    assert erase(store, until=NOON - timedelta(minutes=2)) == Erasure()

    assert (held(store), store.version()) == (before, version)
    assert len(list(on_disk(folder))) == 6


def test_a_dry_run_tells_and_changes_nothing(store: OfflineStore) -> None:
    fill(store)
    store.take_snapshot("early", now())
    version = store.version()

    told = erase(store, dry_run=True)

    assert (told.rows, told.blanked, told.deleted, told.snapshots) == (3, 0, 0, (("early", 3),))
    assert store.version() == version


def test_a_named_version_with_such_rows_loses_its_name_and_another_keeps_it(store: OfflineStore) -> None:
    store.append([row(1, user="ada")])
    store.take_snapshot("without", now())
    store.append([row(2, user=ODD), row(3, user=ODD)])
    store.take_snapshot("with", now())
    pinned = store.snapshot("without").version

    done = erase(store)

    assert done.snapshots == (("with", 2),)
    assert [snapshot.name for snapshot in store.snapshots()] == ["without"]
    assert [n for batch in store.scan(EVENT_TYPES, version=pinned) for n in batch["sequence"].to_pylist()] == [1]


def test_files_that_were_merged_away_or_belong_to_no_version_are_deleted_too(store: OfflineStore, folder: Path) -> None:
    fill(store)
    store.compact(older_than=timedelta(days=1), clock=now, dry_run=False, progress=lambda _done, _of: None)
    merged = next(path for path in folder.rglob("part-*.parquet") if "SIGNALS-1" in str(pq.ParquetFile(path).read()))
    (merged.parent / "part-of-a-crash.parquet").write_bytes(merged.read_bytes())
    half = merged.parent / "part-half.parquet"
    half.write_bytes(b"half a file")
    os.utime(half, ((now() - 2 * CLAIM).timestamp(),) * 2)
    (merged.parent / "part-young.parquet").write_bytes(b"somebody writes this")

    done = erase(store)

    assert done.unreadable == 1
    assert not half.exists()
    (merged.parent / "part-young.parquet").unlink()
    assert ("t1", ODD) not in {(tenant, user) for tenant, user, _ in by_tenant(folder)}
    assert ("t2", ODD) in {(tenant, user) for tenant, user, _ in by_tenant(folder)}
    assert erase(store).rows == 0


def test_an_archive_may_append_to_other_days_meanwhile(store: OfflineStore, folder: Path) -> None:
    fill(store)

    def append(first: int) -> None:
        other = OfflineStore(folder)
        for sequence in range(first, first + 40):
            other.append([replace(row(sequence, user="bo"), day=NOON.date() + timedelta(days=9))])

    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(append, 100)
        done = erase(store)
        appending.result()

    assert done.blanked == 3
    assert [sequence for _, user, sequence in held(store) if user == "bo"] == list(range(100, 140))


def test_it_waits_for_no_compaction_but_says_when_it_may_begin(store: OfflineStore, folder: Path) -> None:
    fill(store)
    before = held(store)
    EventsTable.open(str(folder), {}).claim(now() + timedelta(minutes=1))

    with pytest.raises(OfflineStoreFailed, match="another compaction is at work, or was killed; this one may begin"):
        erase(store)

    assert held(store) == before


def test_a_store_without_a_table_holds_nobody(store: OfflineStore) -> None:
    assert erase(store) == Erasure()
    assert store.tenants_of(ODD) == set()


def test_the_tenants_of_an_id_are_told(store: OfflineStore) -> None:
    fill(store)
    assert store.tenants_of(ODD) == {"t1", "t2"}
    erase(store)
    assert store.tenants_of(ODD) == {"t2"}


def test_a_blank_row_is_kept_once_when_its_message_comes_again(store: OfflineStore) -> None:
    rows = [row(1, user=ODD), row(2, user=ODD)]
    store.append(rows)
    erase(store)
    assert store.append(rows) == 0
