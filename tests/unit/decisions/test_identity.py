from uuid import UUID

from oo.decisions.identity import decision_id, event_id
from oo.events.decision import ServingRole

BODY = UUID("0198f000-0000-7000-8000-000000000001")
HEADER = UUID("0198f000-0000-7000-8000-000000000002")
NEW = UUID("0198f000-0000-7000-8000-000000000003")


def test_the_body_names_the_decision_before_the_header() -> None:
    assert decision_id(str(BODY), str(HEADER), lambda: NEW) == BODY


def test_the_header_names_it_when_the_body_does_not_or_not_as_a_uuid() -> None:
    assert decision_id(None, str(HEADER), lambda: NEW) == HEADER
    assert decision_id("order-17", str(HEADER), lambda: NEW) == HEADER


def test_a_new_name_is_made_when_neither_is_a_uuid() -> None:
    assert decision_id(None, None, lambda: NEW) == NEW
    assert decision_id("order-17", "also-not", lambda: NEW) == NEW


def test_stable_and_canary_share_the_event_and_a_shadow_has_its_own() -> None:
    stable = event_id(BODY, "t", ServingRole.STABLE)
    assert event_id(BODY, "t", ServingRole.CANARY) == stable
    assert event_id(BODY, "t", ServingRole.SHADOW) != stable
    assert event_id(BODY, "other", ServingRole.STABLE) != stable
