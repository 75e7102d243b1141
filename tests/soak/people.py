"""Whom the events are about, when, and what they say."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from oo.events.envelope import EventType

TENANTS = ("north", "south")
PEOPLE = 500
"""Of each tenant, under the same ids: who mixes tenants up, mixes people up."""
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = timedelta(days=40)
"""Of event time. It is long over, so that every window is closed whenever the test runs."""
_ODD = (
    "ada",
    "ada ",
    "Ada",
    "ad",
    "ada.lovelace",
    "a.>.*",
    "%",
    "_",
    "o'hara",
    'say "hi"',
    "back\\slash",
    "tab\tnew\nline",
    "../../etc",
    "jürgen",
    "ju\u0308rgen",
    "👩‍🚀",
    "名前",
    "\u202egnal",
    "null",
    "1e3",
    "$JS.API",
    "x" * 256,
)


class Told(NamedTuple):
    """What an event says of somebody."""

    at: datetime
    kind: EventType
    body: dict[str, Any]
    event_id: str | None = None
    """Where it is not just any."""


def users() -> list[str]:
    """The first are told of most."""
    return [*_ODD, *(f"user-{number}" for number in range(PEOPLE - len(_ODD)))]


def somebody(rng: Random, people: list[str]) -> str:
    """Few have many events, many have few: documents are cut to their newest facts, and writers meet on them."""
    return people[int(len(people) * rng.random() ** 3)]


def written(rng: Random, moment: datetime) -> str:
    """The moment as some producer writes it: to the second, to the nanosecond, in a zone."""
    whole = moment.replace(microsecond=0, tzinfo=None)
    match rng.randrange(4):
        case 0:
            return f"{whole.isoformat()}Z"
        case 1:
            return f"{whole.isoformat()}.{moment.microsecond // 1000:03d}Z"
        case 2:
            return f"{whole.isoformat()}.{moment.microsecond:06d}{rng.randrange(1000):03d}Z"
        case _:
            return f"{(whole + timedelta(hours=2)).isoformat()}.{moment.microsecond:06d}+02:00"
