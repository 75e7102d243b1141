from collections.abc import Mapping
from datetime import datetime, timedelta

from oo.events.envelope import Envelope
from oo.features.activity import Activity
from tests.unit.features.signal_events import NOON, activity, folded, session


def values(*events: Envelope, at: datetime = NOON) -> Mapping[str, float | None]:
    return Activity().values(folded(Activity(), *events), at)


def test_hours_are_counted_from_the_latest_activity_by_event_time() -> None:
    events = [activity(NOON - timedelta(hours=3)), activity(NOON - timedelta(hours=30))]
    assert values(*events)["hours_since_activity"] == 3


def test_minutes_of_the_seven_days_are_summed() -> None:
    edge = NOON - timedelta(days=7)
    events = [activity(edge - timedelta(seconds=1), 100), activity(edge, 20), activity(NOON, 12.5)]
    assert values(*events)["activity_minutes_7d"] == 32.5


def test_an_activity_that_was_not_timed_counts_but_adds_no_minutes() -> None:
    assert values(activity(NOON - timedelta(hours=1), None)) == {"hours_since_activity": 1, "activity_minutes_7d": 0}


def test_an_activity_after_the_moment_has_not_happened() -> None:
    assert values(activity(NOON + timedelta(hours=1))) == {"hours_since_activity": None, "activity_minutes_7d": 0}


def test_two_activities_of_the_same_moment_and_length_both_count() -> None:
    assert values(activity(NOON, 10), activity(NOON, 10))["activity_minutes_7d"] == 20


def test_an_event_of_another_family_leaves_the_facts_as_they_are() -> None:
    facts = [[1, 2, 3]]
    assert Activity().fold(facts, session(NOON)) is facts
