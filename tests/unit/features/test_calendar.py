from datetime import UTC, datetime, timedelta, timezone

from oo.events.envelope import Envelope
from oo.features.calendar import MOST, Calendar
from tests.unit.features.signal_events import NOON, busy_day, folded, session


def busy_hours_today(*events: Envelope, at: datetime = NOON) -> float | None:
    return Calendar().values(folded(Calendar(), *events), at)["busy_hours_today"]


def test_the_latest_summary_of_the_day_counts_whatever_arrives_last() -> None:
    early, late = busy_day(NOON - timedelta(hours=4), 6), busy_day(NOON - timedelta(hours=1), 2.5)
    assert busy_hours_today(early, late) == busy_hours_today(late, early) == 2.5


def test_a_summary_speaks_of_its_whole_utc_day_and_of_no_other() -> None:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    last = timedelta(hours=23, minutes=59, seconds=59, milliseconds=999)
    for moment in (midnight, midnight + last):
        assert busy_hours_today(busy_day(moment, 4)) == 4
    for moment in (midnight - timedelta(seconds=1), midnight + timedelta(days=1)):
        assert busy_hours_today(busy_day(moment, 4)) is None


def test_today_is_the_utc_day_in_every_time_zone() -> None:
    at = datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=5)))
    assert busy_hours_today(busy_day(NOON, 4), at=at) == 4


def test_of_two_summaries_of_one_moment_the_same_one_counts_in_either_order() -> None:
    one, other = busy_day(NOON, 1), busy_day(NOON, 2)
    assert busy_hours_today(one, other) == busy_hours_today(other, one)


def test_a_calendar_that_speaks_often_is_kept_small() -> None:
    events = [busy_day(NOON + timedelta(minutes=minute), minute) for minute in range(60)]
    facts = folded(Calendar(), *events)
    assert len(facts) == MOST
    assert Calendar().values(facts, NOON) == {"busy_hours_today": 59}


def test_an_event_of_another_family_leaves_the_facts_as_they_are() -> None:
    facts = [[1, 2, 3]]
    assert Calendar().fold(facts, session(NOON)) is facts
