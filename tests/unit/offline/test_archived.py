from dataclasses import fields
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from oo.bus.delivery import Delivery
from oo.events.envelope import EVENT_TYPES, EventType
from oo.offline.archived import COLUMNS, SCHEMA, Archived
from tests.envelopes import DECISION_ID, EVENTS, envelope

PUBLISHED = datetime(2026, 11, 23, 0, 30, tzinfo=timezone(timedelta(hours=1)))


def archived(event_type: EventType) -> Archived:
    sent = envelope(event_type)
    delivery = Delivery(
        subject="somewhere",
        data=sent.to_json(),
        headers={},
        stream="STREAM",
        sequence=9,
        published_at=PUBLISHED,
        delivered=1,
    )
    return Archived.of(delivery, sent)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_that_speaks_of_a_decision_can_be_found_by_it(event_type: EventType) -> None:
    speaks_of_one = "decision_id" in type(EVENTS[event_type]).model_fields

    assert archived(event_type).decision_id == (DECISION_ID if speaks_of_one else None)
    assert archived(event_type).event_type == event_type


def test_the_day_is_the_date_of_publication_in_utc() -> None:
    row = archived("session_started")

    assert row.day == date(2026, 11, 22)
    assert row.published_at == PUBLISHED
    assert row.published_at.tzinfo is UTC


def test_the_table_has_the_columns_of_the_row() -> None:
    assert tuple(SCHEMA.names) == COLUMNS == tuple(field.name for field in fields(Archived))
