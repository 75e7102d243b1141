from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from oo.events.json_types import (
    ElapsedTime,
    Identifier,
    IdentifierOrEmpty,
    ProtoDouble,
    ProtoDuration,
    ProtoStruct,
    ProtoTimestamp,
    ProtoUint64,
    Specified,
)


def adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # a type expression
    return TypeAdapter(kind)


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_64_bit_integer_is_a_string_and_may_come_as_a_number(value: int) -> None:
    uint64 = adapter(ProtoUint64)
    assert uint64.dump_json(value) == f'"{value}"'.encode()
    assert uint64.validate_json(f'"{value}"') == value
    assert uint64.validate_json(str(value)) == value


@pytest.mark.parametrize("written", ["true", '" 1"', '"1_000"', '"+1"', '"-1"', '""', "1.5", str(2**64), "{}"])
def test_what_is_no_64_bit_integer_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        adapter(ProtoUint64).validate_json(written)


@pytest.mark.parametrize("written", ["true", '"0.5"', '" 1"', "null"])
def test_a_double_is_a_number(written: str) -> None:
    assert adapter(ProtoDouble).validate_json("5") == 5.0
    with pytest.raises(ValidationError):
        adapter(ProtoDouble).validate_json(written)


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ('{"n": 9007199254740992}', 9007199254740992),
        ('{"n": 9007199254740993}', 9007199254740992.0),
        ('{"n": [{"m": 18446744073709551615}]}', [{"m": 18446744073709551616.0}]),
        ('{"n": null}', None),
        ('{"n": true}', True),
    ],
)
def test_a_number_in_a_struct_is_a_double(written: str, held: object) -> None:
    value = adapter(ProtoStruct).validate_json(written)
    assert value == {"n": held}
    assert type(value["n"]) is type(held)


@pytest.mark.parametrize("number", [f"1{'0' * 400}", "1e999", "NaN"])
def test_a_number_that_no_double_holds_is_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        adapter(ProtoStruct).validate_json(f'{{"n": [{number}]}}')


def test_times_are_read_and_written_as_text() -> None:
    at = datetime(2026, 11, 20, 7, 30, 15, tzinfo=UTC)
    assert adapter(ProtoTimestamp).validate_json('"2026-11-20T07:30:15Z"') == at
    assert adapter(ProtoDuration).dump_json(timedelta(seconds=1.5)) == b'"1.500s"'


@pytest.mark.parametrize("kind", [ProtoTimestamp, ProtoDuration])
@pytest.mark.parametrize("written", ["5", "1763623815.5", "true", "null", "{}", '"soon"'])
def test_a_time_that_is_no_text_of_its_form_is_refused(kind: object, written: str) -> None:
    with pytest.raises(ValidationError):
        adapter(kind).validate_json(written)


def test_a_datetime_without_a_zone_is_no_moment() -> None:
    with pytest.raises(ValidationError, match="with a zone"):
        adapter(ProtoTimestamp).validate_python(datetime(2026, 11, 20))  # noqa: DTZ001  # what is tested


@pytest.mark.parametrize("written", ['"-1s"', '"-0.000000001s"'])
def test_time_does_not_elapse_backwards(written: str) -> None:
    with pytest.raises(ValidationError):
        adapter(ElapsedTime).validate_json(written)


class Colour(StrEnum):
    UNSPECIFIED = "COLOUR_UNSPECIFIED"
    RED = "COLOUR_RED"


def test_the_value_that_says_nothing_is_refused() -> None:
    colour = adapter(Annotated[Colour, Specified])
    assert colour.validate_json('"COLOUR_RED"') is Colour.RED
    with pytest.raises(ValidationError, match="COLOUR_UNSPECIFIED is never sent"):
        colour.validate_json('"COLOUR_UNSPECIFIED"')


@pytest.mark.parametrize("kind", [Identifier, IdentifierOrEmpty])
@pytest.mark.parametrize(
    "written", [r'"\u0000"', r'"tips\u0000"', r'"\u0000tips"', r'"tips\n\u0000"', f'"{"é" * 257}"', "5"]
)
def test_what_no_database_keeps_as_a_name_is_refused(kind: object, written: str) -> None:
    with pytest.raises(ValidationError):
        adapter(kind).validate_json(written)


def test_a_name_has_up_to_256_characters_of_any_script_and_may_be_missing_where_it_says_so() -> None:
    for kind in (Identifier, IdentifierOrEmpty):
        assert adapter(kind).validate_python("é\n" * 128) == "é\n" * 128
    assert adapter(IdentifierOrEmpty).validate_json('""') == ""
    for nothing in ('""', "null"):
        with pytest.raises(ValidationError):
            adapter(Identifier).validate_json(nothing)
