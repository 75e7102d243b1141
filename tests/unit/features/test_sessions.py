from datetime import datetime, timedelta

from oo.events.envelope import Envelope
from oo.features.sessions import MOST, Sessions
from tests.unit.features.signal_events import NOON, activity, folded, session


def sessions_7d(*events: Envelope, at: datetime = NOON) -> float | None:
    return Sessions().values(folded(Sessions(), *events), at)["sessions_7d"]


def test_sessions_of_the_seven_days_up_to_the_moment_are_counted() -> None:
    edge = NOON - timedelta(days=7)
    too_old, first, last, later = edge - timedelta(seconds=1), edge, NOON, NOON + timedelta(seconds=1)
    assert sessions_7d(*map(session, (too_old, first, last, later))) == 2


def test_a_person_who_came_long_ago_had_no_session_this_week() -> None:
    assert sessions_7d(session(NOON - timedelta(days=30))) == 0


def test_no_more_than_the_newest_sessions_are_kept() -> None:
    events = [session(NOON - timedelta(minutes=minutes)) for minutes in range(MOST + 20)]
    assert sessions_7d(*events) == MOST


def test_a_broken_clock_in_the_future_hides_no_session_of_today() -> None:
    broken = [session(NOON + timedelta(days=36_500 + day)) for day in range(20)]
    assert sessions_7d(session(NOON), *broken, session(NOON - timedelta(hours=1))) == 2


def test_an_event_of_another_family_leaves_the_facts_as_they_are() -> None:
    facts = [[1, 2]]
    assert Sessions().fold(facts, activity(NOON)) is facts
