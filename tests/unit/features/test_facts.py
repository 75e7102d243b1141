from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from oo.features.facts import Fact, Facts, fact, milliseconds, remember, until, within
from tests.unit.features.signal_events import NOON, session

EMPTY: Facts = ()
rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 2)).map(list), max_size=30)


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(rows, st.integers(1, 8), st.randoms(use_true_random=False))
def test_any_order_with_any_repeats_leaves_the_newest_rows(told: list[Fact], most: int, random: Random) -> None:
    again = told + random.choices(told, k=len(told)) if told else []
    random.shuffle(again)
    facts = reduce(lambda known, row: remember(known, row, most), again, EMPTY)
    assert list(facts) == sorted(map(list, set(map(tuple, told))))[-most:]


def test_a_known_or_too_old_row_gives_the_very_same_facts() -> None:
    facts = [[2, 0], [3, 0]]
    assert remember(facts, [2, 0], 2) is facts
    assert remember(facts, [1, 0], 2) is facts
    assert remember(facts, [1, 0], 3) == [[1, 0], [2, 0], [3, 0]]


def test_remembering_does_not_touch_what_was_known() -> None:
    facts = [[2, 0]]
    remember(facts, [1, 0], 5)
    assert facts == [[2, 0]]


def test_both_ends_of_a_window_are_in_it() -> None:
    facts = [[1, 9], [2, 9], [3, 9], [4, 9]]
    assert within(facts, 2, 3) == [[2, 9], [3, 9]]
    assert until(facts, 3) == [[1, 9], [2, 9], [3, 9]]
    assert within(facts, 5, 9) == []


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    moment = datetime(2026, 11, 20, 13, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert milliseconds(moment) == milliseconds(datetime(2026, 11, 20, 8, tzinfo=UTC)) == 1_795_161_600_000


def test_the_first_and_the_last_moment_that_can_be_written_are_facts() -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert fact(session(first)) < fact(session(last))


def test_two_events_of_the_same_moment_are_two_facts() -> None:
    assert fact(session(NOON, event_id="a")) != fact(session(NOON, event_id="b"))
    assert fact(session(NOON, event_id="a")) == fact(session(NOON, event_id="a"))


def test_a_fact_stays_small_for_a_long_event_id() -> None:
    assert fact(session(NOON, event_id="ø" * 256))[1] < 2**48
