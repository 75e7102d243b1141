"""No event that is read brings a NUL into a text column of the reward join: PostgreSQL would refuse the whole batch."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import String, select

from oo.errors import InvalidEvent
from oo.events.codec import decode
from oo.events.envelope import EventType
from oo.rewards.database import connect
from oo.rewards.join import apply
from oo.rewards.tables import metadata
from tests.contract import wire
from tests.envelopes import envelope

Column = tuple[str, str]
Source = tuple[EventType, wire.Place]

STORIES: tuple[tuple[EventType, ...], ...] = (
    ("score_decided", "tip_exposed", "tip_reacted"),
    ("generate_decided", "tip_exposed", "tip_reacted"),
)
"""What happens around one decision of each service: all that the join reads."""
TEXT_COLUMNS: list[Column] = [
    (table.name, column.name)
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, String)
]
OWN_WORDS: set[Column] = {("tip_scores", "kind")}
"""Filled with words of the join, from no field of an event."""


@pytest.mark.parametrize(("table", "column"), TEXT_COLUMNS)
def test_a_nul_in_what_a_text_column_is_filled_from_is_refused(table: str, column: str) -> None:
    sources = sources_of_columns().get((table, column), set())

    assert bool(sources) is ((table, column) not in OWN_WORDS)
    assert {source for source in sources if is_read_with_a_nul(*source)} == set()


def is_read_with_a_nul(event_type: EventType, place: wire.Place) -> bool:
    said = telling(event_type)
    try:
        decode(json.dumps(wire.replaced(said, place, f"{text_at(said, place)}\0")).encode())
    except InvalidEvent:
        return False
    return True


@cache
def sources_of_columns() -> Mapping[Column, set[Source]]:
    """The fields of events whose texts stand in each text column when the join has read them."""
    found = defaultdict(set)
    for story in STORIES:
        said = {event_type: telling(event_type) for event_type in story}
        for where, value in texts_after(said):
            for event_type, raw in said.items():
                for place, kind in wire.places(raw):
                    if kind in {"string", "enum"} and text_at(raw, place) in value:
                        found[where].add((event_type, place))
    return found


def texts_after(said: Mapping[EventType, dict[str, Any]]) -> Iterator[tuple[Column, str]]:
    """What stands in the text columns after these events."""
    engine = connect("sqlite://")
    apply(engine, [decode(json.dumps(raw).encode()) for raw in said.values()], lambda _: timedelta(hours=1))
    with engine.connect() as connection:
        for table, column in TEXT_COLUMNS:
            for value in connection.execute(select(metadata.tables[table].c[column])).scalars():
                if value is not None:
                    yield (table, column), value
    engine.dispose()


def telling(event_type: EventType) -> dict[str, Any]:
    """The example with a text of its own in each field of its event that takes any: the field's path in the event.

    Fields of one name in several events say the same, so that a decision and its feedback join.
    """
    raw: dict[str, Any] = json.loads(envelope(event_type).to_json())
    for place, kind in list(wire.places(raw)):
        if kind == "string" and len(place) > 1:
            raw = wire.replaced(raw, place, ".".join(map(str, place[1:])))
    return raw


def text_at(raw: Any, place: wire.Place) -> str:  # noqa: ANN401  # JSON
    for step in place:
        raw = raw[step]
    return str(raw)
