from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from oo.offline import continuity
from oo.offline.continuity import Continuity, Ranges, missing, verify
from oo.offline.events_table import EventsTable
from oo.offline.store import OfflineStore
from oo.offline.stream_account import StreamAccount
from tests.unit.offline.test_store import row

Sequences = npt.NDArray[np.int64]


def array(*sequences: int) -> Sequences:
    return np.array(sequences, dtype=np.int64)


def check(
    held: Iterable[int], acknowledged: int, deleted: Iterable[int] = (), rejected: Iterable[int] = ()
) -> Continuity:
    rows = array(*held)
    account = StreamAccount(
        "SIGNALS", datetime(2026, 1, 1, tzinfo=UTC), acknowledged, array(*deleted), array(*rejected)
    )
    found = Continuity("SIGNALS", acknowledged)

    def between(first: int, last: int) -> Iterable[Sequences]:
        return [rows[(rows >= first) & (rows <= last)]]

    for absent in missing(between, account, int(rows.max(initial=0)), found):
        found.gaps.add(absent)
    return found


@pytest.fixture(params=[3, 1_000], ids=["windows of 3", "one window"])
def _windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuity, "WINDOW", request.param)


@pytest.mark.usefixtures("_windows")
class TestWhateverTheWindow:
    def test_a_row_for_each_sequence_is_the_proof(self) -> None:
        found = check(range(1, 11), 10)

        assert found.proven
        assert (found.rows, found.first, found.last) == (10, 1, 10)

    def test_gaps_are_counted_and_named(self) -> None:
        found = check([1, 2, 5, 6, 8], 10)

        assert not found.proven
        assert found.gaps.count == 5
        assert str(found.gaps) == "3 to 4, 7, 9 to 10"

    def test_a_lost_beginning_is_a_gap(self) -> None:
        assert str(check([4, 5], 5).gaps) == "1 to 3"

    def test_duplicates_are_counted_and_named(self) -> None:
        found = check([1, 2, 2, 3, 3, 3, 4, 9, 9], 4)

        assert not found.proven
        assert found.duplicates.count == 3
        assert str(found.duplicates) == "2 to 3, 9"

    def test_what_was_deleted_or_rejected_is_no_gap(self) -> None:
        found = check([1, 4], 6, deleted=[2, 5], rejected=[3, 5, 6])

        assert found.proven
        assert (found.deleted, found.rejected) == (2, 2)

    def test_what_is_not_acknowledged_is_not_expected(self) -> None:
        assert check([1, 2, 5], 2).proven

    def test_an_empty_table_has_lost_all_that_was_acknowledged(self) -> None:
        assert str(check([], 5).gaps) == "1 to 5"
        assert check([], 0).proven


def test_many_ranges_are_counted_to_the_last_and_named_to_a_bound() -> None:
    ranges = Ranges()
    ranges.add(np.arange(1, 100_001, 2))

    assert ranges.count == 50_000
    assert len(ranges.named) == continuity.NAMED_RANGES
    assert str(ranges).endswith("1999, and 49000 more")


async def test_without_a_server_the_table_is_judged_between_its_ends(tmp_path: Path) -> None:
    store = OfflineStore(tmp_path / "offline")
    store.append([row(5), row(6)])
    store.append([row(9)])

    found = await verify(None, store, "SIGNALS")

    assert not found.told
    assert (found.rows, found.first, found.last, str(found.gaps)) == (3, 5, 9, "7 to 8")


async def test_a_row_that_is_there_twice_is_found(tmp_path: Path) -> None:
    store = OfflineStore(tmp_path / "offline")
    store.append([row(1), row(2)])
    EventsTable.open(str(tmp_path / "offline"), {}).append([row(2)], {"SIGNALS": 2})  # as a broken archive would

    found = await verify(None, store, "SIGNALS")

    assert not found.proven
    assert str(found.duplicates) == "2"
