import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oo.errors import InvalidEvent, UnknownSchemaVersion
from oo.events.codec import decode
from oo.events.envelope import EVENT_TYPES, EventType
from tests.envelopes import EVENTS, envelope

RAW: dict[str, Any] = json.loads(envelope("session_started").to_json())


def encoded(**changed: object) -> bytes:
    return json.dumps(RAW | changed).encode()


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_is_encoded_is_decoded(event_type: EventType) -> None:
    event = envelope(event_type)
    assert decode(event.to_json()) == event
    assert event.event_type == event_type
    assert event.event == EVENTS[event_type]


def test_the_wire_is_the_json_mapping_of_proto3() -> None:
    assert json.loads(envelope("score_decided").to_json()) == {
        "eventId": "example-score_decided_with_written_tip",
        "schemaVersion": "v1",
        "producer": "tests",
        "occurredAt": "2026-11-20T07:30:15.123456Z",
        "tenantId": "tips",
        "userId": "ada",
        "scoreDecided": {
            "decisionId": "0197f3c4-9d20-7c55-8a57-0d6a3f1b2c3d",
            "servingRole": "SERVING_ROLE_STABLE",
            "candidates": [
                {"tipId": "breathe", "features": {"minutes": 3, "topic": "calm"}, "promptVersion": "v2"},
                {"tipId": "walk"},
            ],
            "profileFeatures": {"age_band": "30-39", "premium": True, "height": None},
            "context": {"hour": 7.5, "screen": {"dark": False}, "recent": ["walk", 2]},
            "signalFeatures": {"sessions_7d": 4},
            "signalSequence": "9007199254740993",
            "ranking": [
                {"tipId": "walk", "score": 0.25, "probability": 0.05},
                {"tipId": "breathe", "probability": 0.95},
            ],
            "tipId": "breathe",
            "propensity": 0.95,
            "policy": {"name": "epsilon_greedy", "version": "1"},
            "policyState": {"breathe": {"exposures": 10, "reward_sum": 4}},
            "model": {"name": "tips", "version": "3", "digest": "ab" * 32},
            "featureService": "tips@1",
            "experiment": {"name": "first", "variant": "greedy"},
            "degraded": ["no_signal_features"],
            "latency": "0.000870s",
        },
    }


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert decode(encoded(invented="later")) == envelope("session_started")


def test_names_as_in_the_proto_file_are_read_too() -> None:
    snake = {"event_id": "e", **{key: value for key, value in RAW.items() if key != "eventId"}}
    assert decode(json.dumps(snake).encode()).event_id == "e"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"eventId": ""}, "eventId"),
        ({"eventId": "e" * 257}, "eventId"),
        ({"userId": None}, "userId"),
        ({"schemaVersion": None}, "schemaVersion"),
        ({"schemaVersion": 1}, "schemaVersion"),
        ({"occurredAt": "2026-11-20T07:30:15"}, "occurredAt"),
        ({"occurredAt": "yesterday"}, "occurredAt"),
        ({"sessionStarted": None}, "exactly one event, this one none"),
        ({"sleepRecorded": {"asleep": "1s"}}, r"exactly one event, this one \['session_started', 'sleep_recorded'\]"),
        ({"sessionStarted": "ios"}, "sessionStarted"),
    ],
)
def test_an_envelope_that_breaks_the_contract_is_refused_by_field(changed: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidEvent, match=fault):
        decode(encoded(**changed))


@pytest.mark.parametrize(
    ("event_type", "changed", "fault"),
    [
        ("tip_reacted", {"kind": "REACTION_KIND_UNSPECIFIED"}, "REACTION_KIND_UNSPECIFIED is never sent"),
        ("tip_reacted", {"kind": "LIKED"}, "tipReacted.kind"),
        ("score_decided", {"servingRole": "SERVING_ROLE_UNSPECIFIED"}, "SERVING_ROLE_UNSPECIFIED is never sent"),
        ("score_decided", {"propensity": 0}, "scoreDecided.propensity"),
        ("score_decided", {"propensity": 1.01}, "scoreDecided.propensity"),
        ("score_decided", {"candidates": []}, "scoreDecided.candidates"),
        ("score_decided", {"signalSequence": "-1"}, "scoreDecided.signalSequence"),
        ("score_decided", {"signalSequence": str(2**64)}, "scoreDecided.signalSequence"),
        ("calendar_day_summarized", {"meetings": -1}, "calendarDaySummarized.meetings"),
        ("calendar_day_summarized", {"meetings": 2**32}, "calendarDaySummarized.meetings"),
        ("sleep_recorded", {"asleep": "7h"}, "sleepRecorded.asleep"),
    ],
)
def test_an_event_that_breaks_the_contract_is_refused_by_field(
    event_type: EventType, changed: dict[str, object], fault: str
) -> None:
    raw = json.loads(envelope(event_type).to_json())
    next(value for value in raw.values() if isinstance(value, dict)).update(changed)
    with pytest.raises(InvalidEvent, match=fault):
        decode(json.dumps(raw).encode())


@pytest.mark.parametrize("version", ["v2", "V1", "", "v1 ", "Ada Lovelace"])
def test_another_version_of_the_contract_is_told_apart_without_repeating_it(version: str) -> None:
    with pytest.raises(UnknownSchemaVersion, match=r"none that this program reads \(v1\)") as refused:
        decode(encoded(schemaVersion=version))
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("field", ["surface"])
def test_a_null_is_an_absent_field(field: str) -> None:
    assert decode(encoded(sessionStarted={field: None})) == decode(encoded(sessionStarted={}))


def test_what_says_something_of_a_person_is_not_in_the_repr() -> None:
    assert "ada" not in repr(envelope("session_started"))
    assert "ios" not in repr(envelope("session_started"))
    assert "age_band" not in repr(envelope("score_decided"))


def test_what_was_sent_is_not_repeated_in_the_error() -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(encoded(userId={"name": "Ada Lovelace"}))
    assert "Ada" not in str(refused.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("field", ["context", "propensity"])
def test_a_number_that_json_cannot_hold_is_refused(number: str, field: str) -> None:
    raw = json.loads(envelope("score_decided").to_json())
    raw["scoreDecided"][field] = {"deep": ["hole"]} if field == "context" else "hole"
    with pytest.raises(InvalidEvent):
        decode(json.dumps(raw).replace('"hole"', number).encode())


@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_no_bytes_raise_anything_but_the_error_of_the_contract(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["9" * 30 + "s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(EVENT_TYPES), st.data())
def test_no_value_of_any_field_raises_anything_but_the_error_of_the_contract(
    event_type: EventType, data: st.DataObject
) -> None:
    raw = json.loads(envelope(event_type).to_json())
    event = next(value for value in raw.values() if isinstance(value, dict))
    for target in (raw, event):
        target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSON)
    try:
        decoded = decode(json.dumps(raw).encode())
    except InvalidEvent:
        return
    assert decode(decoded.to_json()) == decoded


def test_an_envelope_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        envelope().user_id = "another"  # type: ignore[misc]  # what is tested
