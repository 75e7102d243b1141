import json
from datetime import UTC, datetime, timedelta

import pytest

from oo.bus.tombstones import Person
from oo.erasure.belonging import match
from tests.envelopes import envelope

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
ODD = 'ådå "\\🦉%'


def matched(data: bytes, user_id: str = "ada", stored_at: datetime = NOON) -> str | None:
    return match(data, Person("tips", user_id), NOON, stored_at)


def test_an_event_is_theirs_by_tenant_and_id_and_by_its_own_time() -> None:
    assert matched(envelope(occurred_at=NOON).to_json(), stored_at=LATER) == "event"
    assert matched(envelope(occurred_at=LATER).to_json()) is None
    assert matched(envelope(occurred_at=NOON, tenant_id="other").to_json()) is None
    assert matched(envelope(occurred_at=NOON, user_id="adas").to_json()) is None


def test_an_event_of_somebody_else_that_mentions_the_id_is_theirs_alone() -> None:
    assert matched(envelope(occurred_at=NOON, user_id="bo", producer="ada").to_json()) is None


@pytest.mark.parametrize("ascii_only", [True, False])
def test_an_id_is_known_however_its_json_is_spelled(*, ascii_only: bool) -> None:
    event = json.loads(envelope(occurred_at=NOON, user_id=ODD).to_json())
    assert matched(json.dumps(event, ensure_ascii=ascii_only).encode(), ODD) == "event"
    assert matched(envelope(occurred_at=NOON).to_json().replace(b'"ada"', b'"\\u0061da"')) == "event"


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (b'{"schemaVersion": "v9", "tenantId": "tips", "who": {"names": ["ada"]}}', "value"),
        (b'{"tenantId": "other", "userId": "ada"}', None),
        (b'{"tenant_id": "other", "tenantId": "tips", "userId": "ada"}', "value"),
        (b'{"userId": "ada"}', "value"),
        (b'{"ada": 1}', "value"),
        (b'["\\u0061da"]', "value"),
        (b'{"userId": "adas"}', None),
        (b'{"userId": "a da"}', None),
        (b'{"userId": "ada", cut', "bytes"),
        (b'\xff"ada"', "bytes"),
        (b"\xffada", None),
        (b"", None),
        (b"[" * 100_000 + b'"ada"', "bytes"),
    ],
)
def test_what_is_no_event_is_theirs_when_in_doubt(data: bytes, how: str | None) -> None:
    assert matched(data) == how
    assert matched(data, stored_at=LATER) is None
