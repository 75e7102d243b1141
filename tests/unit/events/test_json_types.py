from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from oo.events.json_types import ProtoDuration, ProtoTimestamp, ProtoUint64

DURATION: TypeAdapter[timedelta] = TypeAdapter(ProtoDuration)
TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(ProtoTimestamp)
UINT64: TypeAdapter[int] = TypeAdapter(ProtoUint64)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (timedelta(0), b'"0s"'),
        (timedelta(seconds=90), b'"90s"'),
        (timedelta(seconds=1, microseconds=500_000), b'"1.5s"'),
        (timedelta(microseconds=1), b'"0.000001s"'),
        (timedelta(microseconds=-1), b'"-0.000001s"'),
        (timedelta(days=-1, seconds=1), b'"-86399s"'),
    ],
)
def test_a_duration_is_written_in_seconds(seconds: timedelta, written: bytes) -> None:
    assert DURATION.dump_json(seconds) == written
    assert DURATION.validate_json(written) == seconds


@given(st.timedeltas(min_value=timedelta(days=-36_500), max_value=timedelta(days=36_500)))
def test_every_duration_of_a_century_comes_back_to_the_microsecond(value: timedelta) -> None:
    assert DURATION.validate_json(DURATION.dump_json(value)) == value


def test_nanoseconds_are_read_to_the_nearest_microsecond() -> None:
    assert DURATION.validate_json('"1.000000999s"') == timedelta(seconds=1, microseconds=1)


TOO_LONG = ["315576000001s", "9" * 30 + "s"]
ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}s"


@pytest.mark.parametrize(
    "written",
    ["1.5", "PT1S", "1 s", "s", "1.0000000001s", "1e3s", "infs", "nans", ARABIC_ONE, *TOO_LONG],
)
def test_what_proto3_does_not_write_is_no_duration(written: str) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(written)


@given(st.datetimes(timezones=st.timezones()).filter(lambda value: 1 < value.year < 9999))
def test_every_timestamp_comes_back_in_utc(value: datetime) -> None:
    written = TIMESTAMP.dump_json(TIMESTAMP.validate_python(value))
    assert written.endswith(b'Z"')
    assert TIMESTAMP.validate_json(written) == value.astimezone(UTC)


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_outside_of_the_years_1_to_9999_is_no_timestamp(written: str) -> None:
    with pytest.raises(ValidationError):
        TIMESTAMP.validate_python(written)


def test_a_timestamp_of_another_zone_is_the_same_moment() -> None:
    there = datetime(2026, 11, 20, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert TIMESTAMP.dump_json(TIMESTAMP.validate_python(there)) == b'"2026-11-20T07:30:00Z"'
    assert TIMESTAMP.validate_json('"2026-11-20T09:30:00+02:00"') == datetime(2026, 11, 20, 7, 30, tzinfo=UTC)


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_64_bit_integer_is_a_string_and_may_come_as_a_number(value: int) -> None:
    assert UINT64.dump_json(value) == f'"{value}"'.encode()
    assert UINT64.validate_json(f'"{value}"') == value
    assert UINT64.validate_json(str(value)) == value
