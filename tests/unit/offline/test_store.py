import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest
from deltalake import DeltaTable, write_deltalake

from oo.bus.delivery import Delivery
from oo.errors import OfflineStoreFailed
from oo.events.codec import decode
from oo.offline.archived import COLUMNS, Archived, as_table
from oo.offline.store import SIGNAL_TYPES, OfflineStore

PUBLISHED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SESSION = {"sessionStarted": {"surface": "ios"}}


def row(
    sequence: int,
    event: dict[str, Any] = SESSION,
    stream: str = "SIGNALS",
    user: str = "u1",
    tenant: str = "t1",
) -> Archived:
    document = {
        "eventId": f"{stream}-{sequence}",
        "schemaVersion": "v1",
        "producer": "test",
        "occurredAt": "2026-11-22T11:59:00.123456789Z",
        "tenantId": tenant,
        "userId": user,
        **event,
    }
    data = json.dumps(document, ensure_ascii=False).encode()
    delivery = Delivery(
        subject="any", data=data, headers={}, stream=stream, sequence=sequence, published_at=PUBLISHED, delivered=1
    )
    return Archived.of(delivery, decode(data))


def exposed(sequence: int, decision_id: str, user: str = "u1", tenant: str = "t1") -> Archived:
    return row(sequence, {"tipExposed": {"decisionId": decision_id, "tipId": "tip"}}, "FEEDBACK", user, tenant)


def sequences(store: OfflineStore, version: int | None = None) -> list[int]:
    batches = store.scan(SIGNAL_TYPES, version=version, columns=("sequence",))
    return sorted(number for batch in batches for number in batch["sequence"].to_pylist())


@pytest.fixture
def store(tmp_path: Path) -> OfflineStore:
    return OfflineStore(tmp_path / "offline")


def test_a_batch_that_was_written_but_not_acknowledged_is_kept_once(store: OfflineStore) -> None:
    store.append([row(1), row(2)])

    kept = store.append([row(1), row(2), row(3)])

    assert kept == 1
    assert sequences(store) == [1, 2, 3]


def test_a_durable_that_starts_over_adds_nothing(store: OfflineStore) -> None:
    store.append([row(1), row(2)])
    store.append([row(3)])
    version = store.version()

    assert store.append([row(1), row(2), row(3)]) == 0
    assert store.version() == version


def test_a_message_twice_in_one_batch_is_kept_once(store: OfflineStore) -> None:
    assert store.append([row(1), row(1)]) == 1
    assert sequences(store) == [1]


def test_a_message_that_was_overtaken_is_kept_though_higher_sequences_are_there(store: OfflineStore) -> None:
    store.append([row(1), row(5)])
    store.append([row(2)])

    assert store.append([row(3), row(5), row(6)]) == 2
    assert sequences(store) == [1, 2, 3, 5, 6]


def test_a_table_that_others_wrote_is_looked_into_before_the_first_append(store: OfflineStore, tmp_path: Path) -> None:
    partitions = ["day", "event_type"]
    write_deltalake(tmp_path / "offline", as_table([row(1), row(2)]), partition_by=partitions)

    assert store.append([row(1), row(2), row(3)]) == 1
    assert sequences(store) == [1, 2, 3]


def test_a_batch_beyond_what_is_there_is_not_looked_for(store: OfflineStore, tmp_path: Path) -> None:
    store.append([row(1)])
    [held] = (tmp_path / "offline").rglob("*.parquet")
    held.unlink()  # so that a look would fail

    assert store.append([row(2)]) == 1
    with pytest.raises(OfflineStoreFailed):
        store.append([row(1)])


def test_an_append_is_a_file_for_each_day_and_type(store: OfflineStore, tmp_path: Path) -> None:
    store.append([row(1), exposed(2, "d1"), row(3)])

    folders = sorted(str(path.parent.relative_to(tmp_path / "offline")) for path in tmp_path.rglob("part-*.parquet"))
    assert folders == ["day=2026-11-22/event_type=session_started", "day=2026-11-22/event_type=tip_exposed"]


def test_streams_count_for_themselves(store: OfflineStore) -> None:
    store.append([row(1)])

    assert store.append([row(1), exposed(1, "d1"), exposed(2, "d1")]) == 2


def test_a_stream_made_again_counts_from_one_and_loses_nothing(store: OfflineStore) -> None:
    store.append([replace(row(1), event_id="before")])

    assert store.append([replace(row(1), event_id="after")]) == 1


def test_a_batch_over_midnight_is_kept_once_on_each_day(store: OfflineStore) -> None:
    rows = [row(1), replace(row(2), day=PUBLISHED.date() + timedelta(days=1))]
    store.append(rows)

    assert store.append(rows) == 0
    days = [day for batch in store.scan(SIGNAL_TYPES, columns=("day",)) for day in batch["day"].to_pylist()]
    assert sorted(days) == [PUBLISHED.date(), PUBLISHED.date() + timedelta(days=1)]


def test_the_look_for_a_message_reads_one_file_of_its_stream(store: OfflineStore, tmp_path: Path) -> None:
    for first in range(1, 100, 10):
        store.append([row(sequence) for sequence in range(first, first + 10)])
        store.append([exposed(sequence, "d1") for sequence in range(first, first + 10)])

    table = DeltaTable(tmp_path / "offline")
    where = "event_type IN ('session_started') AND day BETWEEN '2026-11-22' AND '2026-11-22'"
    predicate = f"{where} AND sequence BETWEEN 42 AND 45"
    assert len(table.file_uris()) == 20
    assert len(table.file_uris(file_pruning_predicate=predicate)) == 1


def test_no_payload_and_no_person_gets_into_the_transaction_log(store: OfflineStore, tmp_path: Path) -> None:
    store.append([row(1, user="somebody")])

    log = "".join(path.read_text() for path in (tmp_path / "offline" / "_delta_log").glob("*.json"))
    assert "somebody" not in log.replace("user_id", "")
    assert '\\"sequence\\":1' in log


def test_two_writers_at_once_both_land(tmp_path: Path) -> None:
    both_ready = Barrier(2)

    def write(first: int) -> None:
        store = OfflineStore(tmp_path / "offline")
        both_ready.wait()
        for sequence in range(first, first + 5):
            store.append([row(sequence)])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, (1, 101)))

    assert sequences(OfflineStore(tmp_path / "offline")) == [*range(1, 6), *range(101, 106)]
    operations = [commit["operation"] for commit in DeltaTable(tmp_path / "offline").history()]
    assert operations.count("CREATE TABLE") == 1


def test_two_writers_of_the_same_messages_keep_them_once(tmp_path: Path) -> None:
    both_ready = Barrier(2)

    def write(_: int) -> list[int]:
        store = OfflineStore(tmp_path / "offline")
        kept = []
        for sequence in range(1, 9):
            both_ready.wait()
            kept.append(store.append([row(sequence)]))
        return kept

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(write, range(2))

    assert [a + b for a, b in zip(first, second, strict=True)] == [1] * 8
    assert sequences(OfflineStore(tmp_path / "offline")) == list(range(1, 9))


@pytest.mark.parametrize("surface", ["žluťoučký 🐎", "o'clock; DROP TABLE events --", "\\u0000 and \\n"])
def test_a_payload_comes_back_to_the_byte(store: OfflineStore, surface: str) -> None:
    kept = row(1, {"sessionStarted": {"surface": surface}, "fieldOfTomorrow": [1.10, "x"]})
    store.append([kept])

    [batch] = store.signals()
    [payload] = batch["payload"].to_pylist()
    assert payload == kept.payload
    assert ".123456789Z" in payload
    assert "1.1" in payload


def test_all_columns_come_back_as_they_were(store: OfflineStore) -> None:
    kept = exposed(7, "d1")
    store.append([kept])

    assert store.decision("d1") == [kept]
    assert kept.occurred_at == datetime(2026, 11, 22, 11, 59, 0, 123456, tzinfo=UTC)


def test_a_decision_is_found_with_what_became_of_it_and_with_nothing_else(store: OfflineStore) -> None:
    rows = [exposed(1, "d1"), exposed(2, "d2"), exposed(3, "d1"), exposed(4, "it's"), row(1)]
    store.append(rows)

    assert [found.sequence for found in store.decision("d1")] == [1, 3]
    assert [found.sequence for found in store.decision("it's")] == [4]
    assert store.decision("d1' OR '1'='1") == []


def test_a_scan_reads_the_asked_types_and_tenants_only(store: OfflineStore) -> None:
    store.append([row(1), row(2, tenant="t2"), exposed(3, "d1"), exposed(4, "d2", tenant="t2")])

    [batch] = store.scan(["tip_exposed", "tip_reacted"], tenant_ids=["t2"])

    assert batch.schema.names == list(COLUMNS)
    assert batch["decision_id"].to_pylist() == ["d2"]
    assert not any(batch.num_rows for batch in store.scan(["tip_exposed"], tenant_ids=[]))


def test_a_scan_of_a_range_of_time_opens_no_file_outside_of_it(store: OfflineStore, tmp_path: Path) -> None:
    early, late = (datetime(2026, 11, 1, hour, tzinfo=UTC) for hour in (8, 9))
    for sequence, at in enumerate((early, late), 1):
        store.append([replace(row(sequence), occurred_at=at)])
    everything = {batch_at for batch in store.scan(SIGNAL_TYPES) for batch_at in batch["occurred_at"].to_pylist()}
    assert everything == {early, late}
    (first,) = (path for path in tmp_path.rglob("*.parquet") if pq.read_table(path)["sequence"].to_pylist() == [1])
    first.unlink()

    found = store.scan(SIGNAL_TYPES, since=late, until=late + timedelta(seconds=1), columns=("sequence",))

    assert [sequence for batch in found for sequence in batch["sequence"].to_pylist()] == [2]
    assert not any(batch.num_rows for batch in store.scan(SIGNAL_TYPES, since=late + timedelta(seconds=1)))
    with pytest.raises(OfflineStoreFailed):
        list(store.scan(SIGNAL_TYPES, until=late))


def test_a_pinned_version_reads_what_was_there_then(store: OfflineStore) -> None:
    store.append([row(1)])
    version = store.version()
    store.append([row(2)])

    assert sequences(store, version) == [1]
    assert sequences(store) == [1, 2]


def test_signals_come_one_person_after_the_other_in_their_order(store: OfflineStore) -> None:
    store.append([row(3, user="b"), row(4, user="a"), exposed(5, "d1", user="a")])
    store.append([row(1, user="a"), row(2, user="b", tenant="t0")])

    found = [
        (signal["tenant_id"], signal["user_id"], signal["sequence"])
        for batch in store.signals()
        for signal in batch.to_pylist()
    ]

    assert found == [("t0", "b", 2), ("t1", "a", 1), ("t1", "a", 4), ("t1", "b", 3)]
    [of_one] = store.signals(tenant_ids=["t1"], user_ids=["b"])
    assert of_one["sequence"].to_pylist() == [3]


def test_a_read_before_the_first_event_says_what_is_missing(store: OfflineStore) -> None:
    with pytest.raises(OfflineStoreFailed, match="holds no table yet; the archive consumer makes it"):
        store.version()
    with pytest.raises(OfflineStoreFailed, match="holds no table yet"):
        list(store.scan(["tip_exposed"]))


def test_a_version_that_never_was_is_an_error(store: OfflineStore) -> None:
    store.append([row(1)])

    with pytest.raises(OfflineStoreFailed, match="99"):
        sequences(store, 99)


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(OfflineStoreFailed, match=r"file/offline: .*check that it can be reached and written"):
        OfflineStore(tmp_path / "file" / "offline").append([row(1)])


def test_an_error_is_one_line_without_colours(store: OfflineStore, tmp_path: Path) -> None:
    store.append([row(1)])
    (tmp_path / "offline" / "day=2026-11-22" / "event_type=tip_exposed").write_text("not a folder")

    with pytest.raises(OfflineStoreFailed) as failed:
        store.append([exposed(1, "d1")])

    assert str(failed.value).isprintable()


def test_a_lost_file_is_an_error_and_not_an_empty_answer(store: OfflineStore, tmp_path: Path) -> None:
    store.append([row(1)])
    for path in (tmp_path / "offline").rglob("*.parquet"):
        path.unlink()

    with pytest.raises(OfflineStoreFailed):
        list(store.signals())
