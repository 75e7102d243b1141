from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oo.events.exact_time import (
    ExactMoment,
    ExactSpan,
    parse_duration,
    parse_timestamp,
    write_duration,
    write_timestamp,
)


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(seconds=1, microseconds=500_000), "1.500s"),
        (timedelta(microseconds=1), "0.000001s"),
        (timedelta(microseconds=-1), "-0.000001s"),
        (timedelta(days=-1, seconds=1), "-86399s"),
        (timedelta(seconds=-1, microseconds=-500_000), "-1.500s"),
    ],
)
def test_a_duration_is_written_in_seconds(span: timedelta, written: str) -> None:
    assert write_duration(span) == written
    assert parse_duration(written) == span


@given(st.timedeltas(min_value=timedelta(days=-36_500), max_value=timedelta(days=36_500)))
def test_every_duration_of_a_century_comes_back(span: timedelta) -> None:
    assert parse_duration(write_duration(span)) == span


@pytest.mark.parametrize("written", ["1.000000999s", "0.000000001s", "-0.000000001s", "-2.999999999s"])
def test_the_nanoseconds_of_a_duration_are_written_again(written: str) -> None:
    assert write_duration(parse_duration(written)) == written


def test_to_python_a_duration_with_nanoseconds_is_the_microsecond_below() -> None:
    span = parse_duration("1.000000999s")
    assert span == timedelta(seconds=1)
    assert isinstance(span, ExactSpan)
    assert span.nanosecond == 999
    assert parse_duration("-0.000000001s") < timedelta(0)


TOO_LONG = ["315576000001s", "9" * 12 + "s", "9" * 30 + "s"]
ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}s"


@pytest.mark.parametrize(
    "written", ["1.5", "PT1S", "1 s", "s", "1.0000000001s", "1e3s", "infs", "nans", ARABIC_ONE, *TOO_LONG]
)
def test_what_protobuf_does_not_write_is_no_duration(written: str) -> None:
    with pytest.raises(ValueError, match="seconds with an s"):
        parse_duration(written)


@given(st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999))
def test_every_timestamp_comes_back_in_utc(at: datetime) -> None:
    written = write_timestamp(at)
    assert written.endswith("Z")
    assert parse_timestamp(written) == at.astimezone(UTC)
    assert parse_timestamp(written).tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "in_utc"),
    [
        ("2026-11-20T09:30:00+02:00", "2026-11-20T07:30:00Z"),
        ("2026-11-20T07:30:15.5Z", "2026-11-20T07:30:15.500Z"),
        ("2026-11-20T07:30:15.123456Z", "2026-11-20T07:30:15.123456Z"),
        ("2026-11-20T07:30:15.123456789Z", "2026-11-20T07:30:15.123456789Z"),
        ("2026-11-20T23:59:59.999999999-00:30", "2026-11-21T00:29:59.999999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_timestamp_is_written_again_in_utc_to_the_nanosecond(written: str, in_utc: str) -> None:
    assert write_timestamp(parse_timestamp(written)) == in_utc


def test_to_python_a_timestamp_with_nanoseconds_is_the_microsecond_below() -> None:
    at = parse_timestamp("2026-11-20T07:30:15.123456789Z")
    assert at == datetime(2026, 11, 20, 7, 30, 15, 123456, tzinfo=UTC)
    assert isinstance(at, ExactMoment)
    assert at.nanosecond == 789


def test_a_datetime_of_another_zone_is_written_in_utc() -> None:
    assert write_timestamp(datetime(2026, 11, 20, 9, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-20T07:30:00Z"


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-20T07:30:15",
        "2026-11-20T07:30Z",
        "2026-11-20 07:30:15Z",
        "2026-11-20T07:30:15.1234567891Z",
        "2026-11-20T24:00:00Z",
        "yesterday",
        "1763623815",
    ],
)
def test_what_protobuf_does_not_write_is_no_timestamp(written: str) -> None:
    with pytest.raises(ValueError, match="is written like"):
        parse_timestamp(written)


@pytest.mark.parametrize(
    "written",
    ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-02-30T00:00:00Z", "2026-11-20T23:59:60Z"],
)
def test_a_moment_that_no_calendar_has_is_no_timestamp(written: str) -> None:
    with pytest.raises(ValueError, match="of the calendar"):
        parse_timestamp(written)
