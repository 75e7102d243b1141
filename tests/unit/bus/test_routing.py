from datetime import UTC, datetime

import pytest

from oo.bus.delivery import Delivery, Reject
from oo.bus.routing import decode_or_reject, subject_of
from oo.events.envelope import EVENT_TYPES, EventType
from oo.events.subjects import SUBJECTS
from tests.envelopes import envelope, shadowed

DECISIONS: tuple[EventType, ...] = ("score_decided", "generate_decided")


def delivered(data: bytes, subject: str) -> Delivery:
    return Delivery(subject, data, {}, "STREAM", 1, datetime(2026, 11, 20, tzinfo=UTC), 1)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_on_its_subject_is_decoded(event_type: EventType) -> None:
    event = envelope(event_type)
    assert decode_or_reject(delivered(event.to_json(), SUBJECTS[event_type])) == event


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_on_every_other_subject_is_rejected(event_type: EventType) -> None:
    data = envelope(event_type).to_json()
    for other in {*SUBJECTS.values(), "decisions.shadow.score", "signals.unheard_of"} - {SUBJECTS[event_type]}:
        rejected = decode_or_reject(delivered(data, other))
        assert rejected == Reject("wrong_subject", f"this {event_type} belongs on {SUBJECTS[event_type]}")


@pytest.mark.parametrize("event_type", DECISIONS)
def test_a_shadows_decision_belongs_below_the_shadow_subject_alone(event_type: EventType) -> None:
    shadow = shadowed(event_type)
    apart = SUBJECTS[event_type].replace("decisions.", "decisions.shadow.")
    assert subject_of(shadow) == apart
    assert decode_or_reject(delivered(shadow.to_json(), apart)) == shadow
    rejected = decode_or_reject(delivered(shadow.to_json(), SUBJECTS[event_type]))
    assert rejected == Reject("wrong_subject", f"this {event_type} belongs on {apart}")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff\xfe", id="no text"),
        pytest.param(b"[1, 2]", id="no object"),
        pytest.param(b'{"eventId": "e"', id="cut off"),
        pytest.param(b"[" * 100_000, id="nested deep"),
    ],
)
def test_what_is_no_event_is_rejected(data: bytes) -> None:
    rejected = decode_or_reject(delivered(data, "signals.session_started"))
    assert isinstance(rejected, Reject)
    assert rejected.reason == "invalid_event"
    assert rejected.error
