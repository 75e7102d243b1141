"""Python types whose JSON is the proto3 JSON mapping."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, JsonValue, PlainSerializer

_SECONDS = re.compile(r"-?[0-9]+(\.[0-9]{1,9})?s")
# The contract's bound of a Duration: about 10,000 years.
_LONGEST = timedelta(seconds=315_576_000_000)


def _parse_duration(value: object) -> object:
    if isinstance(value, str):
        if not _SECONDS.fullmatch(value) or abs(seconds := float(value[:-1])) > _LONGEST.total_seconds():
            raise ValueError("a duration is written as seconds with an s, such as 1.5s, and is under 10,000 years")
        return timedelta(seconds=seconds)
    return value


def _write_duration(value: timedelta) -> str:
    whole, micro = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    sign = "-" if value < timedelta(0) else ""
    fraction = f".{micro:06d}".rstrip("0") if micro else ""
    return f"{sign}{whole}{fraction}s"


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC this moment lies outside of the years 1 to 9999") from error


def _write_timestamp(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _finite(value: JsonValue) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            raise ValueError("a number in JSON is finite")
        case dict():
            for inner in value.values():
                _finite(inner)
        case list():
            for inner in value:
                _finite(inner)
    return value


ProtoDuration = Annotated[
    timedelta, BeforeValidator(_parse_duration), PlainSerializer(_write_duration, return_type=str, when_used="json")
]
ElapsedTime = Annotated[ProtoDuration, Field(ge=timedelta(0))]
ProtoTimestamp = Annotated[
    AwareDatetime, AfterValidator(_in_utc), PlainSerializer(_write_timestamp, return_type=str, when_used="json")
]
# 64-bit integers travel as strings, since a JavaScript number cannot hold them.
ProtoUint64 = Annotated[int, Field(ge=0, lt=2**64), PlainSerializer(str, return_type=str, when_used="json")]
ProtoUint32 = Annotated[int, Field(ge=0, lt=2**32)]
ProtoStruct = Annotated[dict[str, JsonValue], AfterValidator(_finite)]
# A name of something: short, and without the NUL that no database keeps in a text.
Identifier = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
