"""Moments and spans to the nanosecond, as protobuf writes them in JSON.

Python's own types end at the microsecond, and everything here that reckons with time is content with that. The rest is
carried along unread, so that what a producer wrote is what is written again.
"""

import re
from datetime import UTC, datetime, timedelta

_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,9}))?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
# The contract's bound of a Duration: about 10,000 years.
_LONGEST = timedelta(seconds=315_576_000_000)


class ExactMoment(datetime):
    """A datetime with the nanoseconds that it has no room for; compared and reckoned with to the microsecond."""

    nanosecond: int = 0
    """0 to 999, after the microseconds."""


class ExactSpan(timedelta):
    """A timedelta with the nanoseconds that it has no room for; compared and reckoned with to the microsecond below."""

    nanosecond: int = 0
    """0 to 999, added to the microseconds."""


def parse_timestamp(written: str) -> datetime:
    """The moment in UTC.

    Raises:
        ValueError: it is not RFC 3339 with a zone, or lies outside of the years 1 to 9999.
    """
    match = _TIMESTAMP.fullmatch(written)
    if match is None:
        raise ValueError("a timestamp is written like 2026-11-20T07:30:15.123Z, with at most nine decimals")
    try:
        # It cuts the decimals after the sixth.
        at = datetime.fromisoformat(written)
        if at.tzinfo is not UTC:
            at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("a timestamp is a day and a time of the calendar, in UTC in the years 1 to 9999") from error
    nano = _nanoseconds(match[1]) % 1_000
    if not nano:
        return at
    exact = ExactMoment(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, UTC)
    exact.nanosecond = nano
    return exact


def write_timestamp(at: datetime) -> str:
    """The moment as protobuf writes it: in UTC, with 0, 3, 6 or 9 decimals."""
    nano = at.nanosecond if isinstance(at, ExactMoment) else 0
    whole = at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{whole.isoformat()}{_decimals(at.microsecond * 1_000 + nano)}Z"


def parse_duration(written: str) -> timedelta:
    """The span.

    Raises:
        ValueError: it is not seconds with an s, or over the contract's bound.
    """
    match = _DURATION.fullmatch(written)
    if match is None or (seconds := timedelta(seconds=int(match[2]))) > _LONGEST:
        raise ValueError("a duration is written as seconds with an s, such as 1.5s, and is under 10,000 years")
    nanoseconds = _nanoseconds(match[3])
    whole, nano = divmod(-nanoseconds if match[1] else nanoseconds, 1_000)
    span = (-seconds if match[1] else seconds) + timedelta(microseconds=whole)
    if not nano:
        return span
    exact = ExactSpan(days=span.days, seconds=span.seconds, microseconds=span.microseconds)
    exact.nanosecond = nano
    return exact


def write_duration(span: timedelta) -> str:
    """The span as protobuf writes it: seconds with 0, 3, 6 or 9 decimals."""
    nano = span.nanosecond if isinstance(span, ExactSpan) else 0
    nanoseconds = span // timedelta(microseconds=1) * 1_000 + nano
    whole, fraction = divmod(abs(nanoseconds), 1_000_000_000)
    return f"{'-' if nanoseconds < 0 else ''}{whole}{_decimals(fraction)}s"


def _nanoseconds(decimals: str | None) -> int:
    return int(decimals.ljust(9, "0")) if decimals else 0


def _decimals(nanoseconds: int) -> str:
    if not nanoseconds:
        return ""
    decimals = f"{nanoseconds:09d}"
    return f".{decimals.removesuffix('000').removesuffix('000')}"
