from datetime import datetime, timedelta

import pytest

from oo.events.envelope import Envelope
from oo.features.sleep import Sleep
from tests.unit.features.signal_events import NOON, folded, session, sleep


def sleep_hours_last(*events: Envelope, at: datetime = NOON) -> float | None:
    return Sleep().values(folded(Sleep(), *events), at)["sleep_hours_last"]


def test_the_latest_night_by_event_time_counts() -> None:
    last, before = sleep(NOON - timedelta(hours=5), 7.5), sleep(NOON - timedelta(hours=29), 4)
    assert sleep_hours_last(last, before) == sleep_hours_last(before, last) == 7.5


@pytest.mark.parametrize(("age", "hours"), [(timedelta(hours=48), 8), (timedelta(hours=48, seconds=1), None)])
def test_a_night_over_48_hours_ago_says_nothing_of_the_last_one(age: timedelta, hours: float | None) -> None:
    assert sleep_hours_last(sleep(NOON - age, 8)) == hours


def test_a_record_after_the_moment_does_not_hide_the_night_before() -> None:
    assert sleep_hours_last(sleep(NOON - timedelta(hours=5), 6), sleep(NOON + timedelta(days=1), 9)) == 6


def test_an_event_of_another_family_leaves_the_facts_as_they_are() -> None:
    facts = [[1, 2, 3]]
    assert Sleep().fold(facts, session(NOON)) is facts
