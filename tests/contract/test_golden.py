"""The golden files: bytes of every event and every writer, which every release reads."""

from datetime import UTC, datetime, timedelta

import pytest

from oo.events.codec import READERS, decode
from oo.events.envelope import EVENT_TYPES, EventType
from oo.events.exact_time import write_duration, write_timestamp
from tests.contract.golden import GOLDEN, found, locked, path_of
from tests.envelopes import NAMES, envelope


def test_no_golden_file_was_edited_or_is_unlocked() -> None:
    assert found() == locked(), "a golden file is never edited; `make golden` locks new ones"


def test_every_version_that_is_read_has_golden_files() -> None:
    assert {path.name for path in GOLDEN.iterdir() if path.is_dir()} == READERS.keys()


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_python_writes_what_the_golden_file_has_byte_for_byte(event_type: EventType) -> None:
    assert envelope(event_type).to_json() == path_of(NAMES[event_type]).read_bytes()


@pytest.mark.parametrize("name", found())
def test_every_golden_file_is_read(name: str) -> None:
    read = decode((GOLDEN / name).read_bytes())
    assert decode(read.to_json()) == read


@pytest.mark.parametrize("writer", ["python", "typescript"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_whoever_wrote_it_an_event_is_the_same(event_type: EventType, writer: str) -> None:
    assert decode(path_of(NAMES[event_type], writer).read_bytes()) == envelope(event_type)


def test_nanoseconds_and_zones_are_understood() -> None:
    read = decode(path_of("nanoseconds_and_zone", "hand").read_bytes())
    assert write_timestamp(read.occurred_at) == "2026-11-20T07:30:15.123456789Z"
    assert read.activity_completed is not None
    assert read.activity_completed.duration is not None
    assert write_duration(read.activity_completed.duration) == "1860.000000001s"


def test_unknown_fields_are_ignored_and_nulls_are_absent() -> None:
    read = decode(path_of("unknown_fields_and_nulls", "hand").read_bytes())
    assert read.event_type == "calendar_day_summarized"
    assert read.calendar_day_summarized is not None
    assert (read.calendar_day_summarized.busy, read.calendar_day_summarized.meetings) == (timedelta(0), 0)


def test_empty_is_told_from_absent() -> None:
    read = decode(path_of("defaults_spelled_out", "hand").read_bytes())
    assert read.occurred_at == datetime(2026, 11, 20, 7, 30, 15, 500_000, tzinfo=UTC)
    assert read.score_decided is not None
    assert (read.score_decided.context, read.score_decided.policy_state) == ({}, None)
    assert read.score_decided.latency == timedelta(0)
    assert read.score_decided.ranking[0].score is None
