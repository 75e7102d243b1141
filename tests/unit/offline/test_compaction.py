import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oo.errors import OfflineStoreFailed
from oo.offline.compaction import Compaction
from oo.offline.events_table import EventsTable
from oo.offline.store import OfflineStore
from tests.unit.offline.test_store import exposed, row, sequences

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "offline"


@pytest.fixture
def store(folder: Path) -> OfflineStore:
    return OfflineStore(folder)


def now() -> datetime:
    return datetime.now(UTC)


def compact(store: OfflineStore, older_than: timedelta = DAY, *, dry_run: bool = False) -> Compaction:
    return store.compact(older_than=older_than, clock=now, dry_run=dry_run, progress=lambda _done, _of: None)


def fill(store: OfflineStore, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        store.append([row(sequence), exposed(sequence, f"d{sequence}")])


def data_files(folder: Path) -> set[Path]:
    return set(folder.rglob("part-*.parquet"))


def log_versions(folder: Path) -> Iterator[int]:
    return (int(path.name[:20]) for path in (folder / "_delta_log").glob("0*"))


def age(folder: Path, by: timedelta) -> None:
    """Let all that is there be older."""
    for path in folder.rglob("*.*"):
        os.utime(path, (path.stat().st_mtime - by.total_seconds(),) * 2)


def test_a_day_and_type_become_one_file_and_hold_what_they_held(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 12)

    done = compact(store)

    assert (done.files_before, done.files_after) == (24, 2)
    assert done.bytes_after < done.bytes_before
    assert sequences(store) == list(range(1, 13))
    assert [found.sequence for found in store.decision("d7")] == [7]
    assert len(data_files(folder)) == 26, "readers of the versions of today still need the small files"
    assert compact(store).files_before == 2, "there is nothing left to do"


def test_what_was_merged_is_still_kept_once_when_it_comes_again(store: OfflineStore) -> None:
    fill(store, 1, 5)
    compact(store, timedelta(0))

    assert store.append([row(4), row(5), row(6)]) == 1


def test_a_dry_run_tells_and_changes_nothing(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 5)
    before, version = data_files(folder), store.version()

    told = compact(store, timedelta(0), dry_run=True)

    assert (told.files_before, told.files_after) == (10, 2)
    assert (data_files(folder), store.version()) == (before, version)


def test_files_of_forgotten_versions_are_deleted(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 5)
    version = store.version()

    assert compact(store, timedelta(0)).deleted == 10

    assert len(data_files(folder)) == 2
    with pytest.raises(OfflineStoreFailed):
        sequences(store, version)


def test_a_file_that_no_commit_ever_named_is_deleted_once_it_is_old(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 1)
    orphan = next(iter(data_files(folder))).with_name("part-left-by-a-crash.parquet")
    orphan.write_bytes(b"half a file")

    assert compact(store).deleted == 0, "it may belong to an append that is under way"
    age(folder, 2 * DAY)
    assert compact(store).deleted == 1
    assert not orphan.exists()


def test_a_named_version_outlives_merging_deletion_and_the_log(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 7)
    pinned = store.take_snapshot("before", now()).version
    fill(store, 8, 35)
    compact(store, timedelta(0))
    fill(store, 36, 60)
    age(folder, 2 * DAY)
    fill(store, 61, 72)

    done = compact(store, timedelta(hours=1))

    assert done.log_files > 0
    assert min(version for version in log_versions(folder) if version != pinned) > pinned
    assert store.snapshot("before").version == pinned
    assert sequences(store, pinned) == list(range(1, 8))
    assert sequences(store) == list(range(1, 73))
    with pytest.raises(OfflineStoreFailed):
        sequences(store, pinned + 3)
    assert store.append([row(72), row(73)]) == 1


def test_a_version_loses_its_files_once_its_name_is_dropped(store: OfflineStore) -> None:
    fill(store, 1, 3)
    pinned = store.take_snapshot("before", now()).version
    fill(store, 4, 5)
    assert compact(store, timedelta(0)).deleted == 4
    assert sequences(store, pinned) == [1, 2, 3]

    store.drop_snapshot("before")

    assert compact(store, timedelta(0)).deleted == 6


def test_an_archive_may_append_meanwhile(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 5)

    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(fill, OfflineStore(folder), 6, 60)
        compactions = 0
        while not appending.done():
            compact(store)
            compactions += 1
        appending.result()

    assert compactions > 1
    assert sequences(store) == list(range(1, 61))


def test_of_two_compactions_at_once_one_is_refused_and_no_row_is_there_twice(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 20)

    def outcome(of: OfflineStore) -> str:
        try:
            return f"{compact(of).files_after} files"
        except OfflineStoreFailed as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(outcome, (store, OfflineStore(folder))))

    assert outcomes[0] == "2 files"
    assert outcomes[1] == "2 files" or "another" in outcomes[1]
    assert sequences(store) == list(range(1, 21))


def test_a_compaction_that_was_killed_is_waited_for(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 2)
    EventsTable.open(str(folder), {}).claim(now() + timedelta(minutes=1))

    with pytest.raises(OfflineStoreFailed, match="another compaction is at work, or was killed; this one may begin"):
        compact(store)

    EventsTable.open(str(folder), {}).claim(now() - timedelta(seconds=1))
    assert compact(store).files_after == 2


def test_names_are_told_oldest_first_and_are_taken_once(store: OfflineStore) -> None:
    fill(store, 1, 1)
    store.take_snapshot("zero", now())
    fill(store, 2, 2)
    store.take_snapshot("one", now())

    assert [snapshot.name for snapshot in store.snapshots()] == ["zero", "one"]
    with pytest.raises(OfflineStoreFailed, match=r"snapshot 'one' names version 3 of .*another name, or drop it"):
        store.take_snapshot("one", now())
    with pytest.raises(OfflineStoreFailed, match="has no snapshot 'two'; it has zero, one"):
        store.drop_snapshot("two")
    with pytest.raises(OfflineStoreFailed, match="is no name for a snapshot"):
        store.take_snapshot("a b", now())
    store.drop_snapshot("one")
    store.take_snapshot("one", now())


def test_a_name_is_given_while_the_archive_appends(store: OfflineStore, folder: Path) -> None:
    fill(store, 1, 1)

    with ThreadPoolExecutor(1) as pool:
        appending = pool.submit(fill, OfflineStore(folder), 2, 30)
        taken = [store.take_snapshot(f"s{number}", now()) for number in range(5)]
        appending.result()

    assert store.snapshots() == taken
    assert sequences(store) == list(range(1, 31))
