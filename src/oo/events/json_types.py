"""Python types whose JSON is the proto3 JSON mapping, with the constraints that stand in the proto files."""

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticUseDefault

from oo.events import exact_time

# What a double holds exactly, and a JavaScript number too.
_EXACT = 2**53
_WHOLE = re.compile(r"-?[0-9]{1,20}")

E = TypeVar("E", bound=StrEnum)


def _timestamp(value: object) -> datetime:
    if isinstance(value, str):
        return exact_time.parse_timestamp(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise ValueError("a timestamp is a text like 2026-11-20T07:30:15Z, or a datetime with a zone")


def _duration(value: object) -> timedelta:
    if isinstance(value, str):
        return exact_time.parse_duration(value)
    if isinstance(value, timedelta):
        return value
    raise ValueError("a duration is a text like 1.5s, or a timedelta")


def _whole(value: object) -> object:
    """A number, or a text of digits alone: pydantic would also take true, " 1" and 1_000."""
    if isinstance(value, bool) or (isinstance(value, str) and not _WHOLE.fullmatch(value)):
        raise ValueError("a whole number is a number, or a text of digits")
    return value


def _as_struct(value: JsonValue) -> JsonValue:
    """The value as protobuf's Struct holds it: every number is a finite double."""
    match value:
        case bool() | str() | None:
            return value
        case int() if abs(value) <= _EXACT:
            return value
        case int() | float():
            return _finite(value)
        case dict():
            return {name: _as_struct(inner) for name, inner in value.items()}
        case list():
            return [_as_struct(inner) for inner in value]


def _finite(value: float) -> float:
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        raise ValueError("a number in JSON is finite, and at most 1.8e308")
    return double


def _specified(value: E) -> E:
    if value.endswith("_UNSPECIFIED"):
        raise ValueError(f"{value} is never sent: say which one it is")
    return value


def _null_is_absent(value: object) -> object:
    if value is None:
        raise PydanticUseDefault
    return value


def _json(write: Callable[..., str]) -> PlainSerializer:
    return PlainSerializer(write, return_type=str, when_used="json")


# A null says the same as leaving the field out.
NullIsAbsent = BeforeValidator(_null_is_absent)

ProtoString = Annotated[str, NullIsAbsent]
ProtoBool = Annotated[bool, Strict(), NullIsAbsent]
ProtoDouble = Annotated[float, Strict()]
# 64-bit integers travel as strings, since a JavaScript number cannot hold them.
ProtoUint64 = Annotated[
    int,
    Field(ge=0, lt=2**64),
    BeforeValidator(_whole),
    NullIsAbsent,
    _json(str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,20}$"}),
]
ProtoUint32 = Annotated[int, Field(ge=0, lt=2**32), BeforeValidator(_whole), NullIsAbsent]
ProtoStruct = Annotated[dict[str, JsonValue], AfterValidator(_as_struct)]
ProtoTimestamp = Annotated[
    datetime,
    PlainValidator(_timestamp),
    _json(exact_time.write_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
ProtoDuration = Annotated[
    timedelta,
    PlainValidator(_duration),
    _json(exact_time.write_duration),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$", "examples": ["1.500s"]}),
]
ElapsedTime = Annotated[ProtoDuration, Field(ge=timedelta(0))]
# An enum's value other than the one that says nothing.
Specified = AfterValidator(_specified)
# A name of something: short, and without the NUL that no database keeps in a text.
Identifier = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
# The same, or empty when there is none.
IdentifierOrEmpty = Annotated[str, Field(max_length=256, pattern=r"^[^\x00]*$"), NullIsAbsent]
