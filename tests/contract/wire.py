"""Envelopes as JSON, drawn from the descriptors: every way in which a writer may put a message of the contract."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # ships no types
from hypothesis import strategies as st

from tests.contract.descriptors import Contract, kind_of, ours

Json = Any

# Without surrogates, which UTF-8 does not have.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
# What a constraint with this pattern lets through; only what the contract uses.
TEXT_OF = {None: TEXT, r"^[^\x00]*$": WORD | st.just(""), r"^[^\x00]+$": WORD}
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
# Whole numbers that every reader of JSON holds exactly.
STRUCT_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | DOUBLE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
DECIMALS = st.sampled_from(["", ".5", ".123", ".123456", ".123456789", ".000000001", ".100000000"])
# In UTC, whatever the zone, still in the years 1 to 9999.
DAYS = st.dates().filter(lambda day: 1 < day.year < 9999)
ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+05:45", "-12:00", "+14:00"])
TIMESTAMP = st.builds(
    lambda day, clock, decimals, zone: f"{day}T{clock:%H:%M:%S}{decimals}{zone}", DAYS, st.times(), DECIMALS, ZONES
)
DURATION = st.builds(
    lambda span, decimals: f"{span.days * 86_400 + span.seconds}{decimals}s",
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3_000_000)),
    DECIMALS,
)


def as_number_or_text(whole: st.SearchStrategy[int]) -> st.SearchStrategy[Json]:
    return whole | whole.map(str)


@st.deferred
def envelopes() -> st.SearchStrategy[dict[str, Json]]:
    """Any envelope of this project's contract."""
    return _message(ours(), "Envelope")


def _message(contract: Contract, name: str) -> st.SearchStrategy[dict[str, Json]]:
    required: dict[str, st.SearchStrategy[Json]] = {}
    optional: dict[str, st.SearchStrategy[Json]] = {}
    facts: list[st.SearchStrategy[dict[str, Json]]] = []
    for field in contract.fields(name):
        value = _value(contract, field)
        if field.containing_oneof is not None and field.containing_oneof.name == "event":
            facts.append(st.fixed_dictionaries({field.json_name: value}))
        elif contract.rules(field).get("required"):
            required[field.json_name] = value
        else:
            # A null says the same as leaving it out.
            optional[field.json_name] = value | st.none()
    unknown = st.dictionaries(WORD.map(lambda word: f"later_{word}"), STRUCT_VALUE, max_size=1)
    parts = [st.fixed_dictionaries(required, optional=optional), unknown, *([st.one_of(facts)] if facts else [])]
    return st.tuples(*parts).map(lambda drawn: {key: value for part in drawn for key, value in part.items()})


def _value(contract: Contract, field: FieldDescriptor) -> st.SearchStrategy[Json]:
    rules = contract.rules(field)
    one = _one(contract, field)
    if field.is_repeated:
        return st.lists(one, min_size=int(bool(rules.get("required"))), max_size=3)
    return one


def _one(contract: Contract, field: FieldDescriptor) -> st.SearchStrategy[Json]:
    rules, kind = contract.entry_rules(field) if field.is_repeated else contract.rules(field), kind_of(field)
    if kind in WELL_KNOWN:
        return WELL_KNOWN[kind]
    if field.enum_type is not None:
        return st.sampled_from([value.name for value in field.enum_type.values if value.number])
    if field.message_type is not None:
        return _message(contract, kind)
    if "const" in rules:
        return st.just(rules["const"])
    if kind == "double":
        lowest, highest = rules.get("gte", rules.get("gt")), rules.get("lte")
        return st.floats(lowest, highest, exclude_min="gt" in rules, allow_nan=False, allow_infinity=False)
    return WHOLE[kind] if kind in WHOLE else WORD if rules.get("required") else TEXT_OF[rules.get("pattern")]


WHOLE: dict[str, st.SearchStrategy[Json]] = {
    "uint32": as_number_or_text(st.integers(0, 2**32 - 1)),
    "uint64": as_number_or_text(st.integers(0, 2**64 - 1)),
}
WELL_KNOWN: dict[str, st.SearchStrategy[Json]] = {
    "Timestamp": TIMESTAMP,
    "Duration": DURATION,
    "Struct": st.dictionaries(TEXT, STRUCT_VALUE, max_size=4),
    "bool": st.booleans(),
}


ODD: dict[str, list[Json]] = {
    "string": ["", "a\0b", "a" * 257, "\ud800", 5, True, {}, []],
    "double": [True, "0.5", " 1", "1_0", "", "NaN", "Infinity", -0.5, 1.5, 2**70, 10**400, {}],
    "uint32": [True, "6", " 1", "1_0", "+1", "", "1.0", 1.0, 1.5, -1, 2**32, 2**32 - 1, "4294967296", {}],
    "uint64": [True, "6", " 1", "1_0", "+1", "", "1.0", 1.5, -1, 2**64, 2**64 - 1, "18446744073709551616", []],
    "Struct": [{"n": 2**60 + 1}, {"n": [-(2**64)]}, {"n": 10**400}, {"n": None}, {}, [], "text", 5],
    "Timestamp": [
        "2026-11-20T07:30:15.1234567891Z",
        "2026-11-20T07:30Z",
        "2026-11-20 07:30:15Z",
        "2026-11-20T07:30:15",
        "2026-02-30T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T23:59:60Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢026-11-20T07:30:15Z",
        "yesterday",
        1_763_623_815,
        {},
    ],
    "Duration": [
        "1.5",
        "PT1S",
        "1 s",
        " 1s",
        "s",
        "1.0000000001s",
        "1e3s",
        "infs",
        "-1s",
        "-0.000000001s",
        "315576000001s",
        "0s",
        "0.000000001s",
        5,
        {},
    ],
    "enum": ["SERVING_ROLE_UNSPECIFIED", "REACTION_KIND_UNSPECIFIED", "OTHER", "", 1, 9, True, []],
    "message": [{}, [], "text", 5, True],
    "repeated": [[], {}, "text", 5, [None], [5], [{}], [[]]],
}
# Null stands for absence, wherever that is allowed.
ODD = {kind: [None, *values] for kind, values in ODD.items()}
Place = tuple[str | int, ...]


def oddities(raw: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    """This envelope with one value of a known field replaced by an odd one, for each field and each odd value."""
    for place, kind in places(raw):
        for odd in ODD[kind]:
            yield f"{'.'.join(map(str, place))} = {odd!r:.40}", replaced(raw, place, odd)


def places(message: dict[str, Json], name: str = "Envelope", at: Place = ()) -> Iterator[tuple[Place, str]]:
    """The way to each value of a known field that this message and those below it hold, and which kind it is of."""
    for field in ours().fields(name):
        if field.json_name not in message:
            continue
        held, place = message[field.json_name], (*at, field.json_name)
        each = (
            [((*place, number), value) for number, value in enumerate(held)] if field.is_repeated else [(place, held)]
        )
        if field.is_repeated:
            yield place, "repeated"
        for where, value in each:
            kind = kind_of(field)
            yield where, kind if kind in ODD else "enum" if field.enum_type is not None else "message"
            if field.message_type is not None and kind not in WELL_KNOWN:
                yield from places(value, kind, where)


def replaced(whole: Json, at: Place, value: Json) -> Json:
    """The same with another value at this place."""
    if not at:
        return value
    copy = whole.copy()
    copy[at[0]] = replaced(whole[at[0]], at[1:], value)
    return copy
