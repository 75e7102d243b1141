"""Signals of one person, in a line each."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from oo.events.envelope import Envelope
from oo.events.integration import CalendarDaySummarized, SleepRecorded
from oo.events.signals import ActivityCompleted, SessionStarted
from oo.features.facts import Facts
from oo.features.feature import Family

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""A Friday."""

_ids = (f"event-{number}" for number in count(1))


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # draws test data, keeps no secret


def folded(family: Family, *events: Envelope) -> Facts:
    facts: Facts = ()
    for event in events:
        facts = family.fold(facts, event)
    return facts


def session(at: datetime, *, user: str = "ada", tenant: str = "example", event_id: str | None = None) -> Envelope:
    return Envelope(
        event_id=event_id or next(_ids),
        schema_version="v1",
        producer="test",
        occurred_at=at,
        tenant_id=tenant,
        user_id=user,
        session_started=SessionStarted(surface="ios"),
    )


def activity(at: datetime, minutes: float | None = 30, *, user: str = "ada") -> Envelope:
    duration = None if minutes is None else timedelta(minutes=minutes)
    completed = ActivityCompleted(activity="walk", duration=duration)
    return session(at, user=user).model_copy(update={"session_started": None, "activity_completed": completed})


def busy_day(at: datetime, hours: float, *, user: str = "ada") -> Envelope:
    summarized = CalendarDaySummarized(busy=timedelta(hours=hours))
    return session(at, user=user).model_copy(update={"session_started": None, "calendar_day_summarized": summarized})


def sleep(at: datetime, hours: float, *, user: str = "ada") -> Envelope:
    recorded = SleepRecorded(asleep=timedelta(hours=hours))
    return session(at, user=user).model_copy(update={"session_started": None, "sleep_recorded": recorded})


def any_signal(random: Random, *, at: datetime | None = None, user: str = "ada") -> Envelope:
    """A signal of any kind; without `at` within ten days of noon, half of them on the full hour, so that some tie."""
    if at is None:
        at = NOON + timedelta(hours=random.randint(-240, 240), seconds=random.choice([0, random.randint(1, 3599)]))
    match random.randrange(4):
        case 0:
            return session(at, user=user)
        case 1:
            return activity(at, random.choice([None, random.randint(0, 90)]), user=user)
        case 2:
            return busy_day(at, random.randint(0, 9), user=user)
        case _:
            return sleep(at, random.randint(3, 10), user=user)
