"""Python types whose JSON is the proto3 JSON mapping."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, PlainSerializer

_SECONDS = re.compile(r"-?\d+(\.\d{1,9})?s")


def _parse_duration(value: object) -> object:
    if isinstance(value, str):
        if not _SECONDS.fullmatch(value):
            raise ValueError("a duration is written as seconds with an s, such as 1.5s")
        return timedelta(seconds=float(value[:-1]))
    return value


def _write_duration(value: timedelta) -> str:
    whole, micro = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    sign = "-" if value < timedelta(0) else ""
    fraction = f".{micro:06d}".rstrip("0") if micro else ""
    return f"{sign}{whole}{fraction}s"


def _write_timestamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


ProtoDuration = Annotated[
    timedelta, BeforeValidator(_parse_duration), PlainSerializer(_write_duration, return_type=str, when_used="json")
]
ProtoTimestamp = Annotated[AwareDatetime, PlainSerializer(_write_timestamp, return_type=str, when_used="json")]
# 64-bit integers travel as strings, since a JavaScript number cannot hold them.
ProtoUint64 = Annotated[int, Field(ge=0, lt=2**64), PlainSerializer(str, return_type=str, when_used="json")]
ProtoUint32 = Annotated[int, Field(ge=0, lt=2**32)]
ProtoStruct = dict[str, JsonValue]
