import sys
from datetime import timedelta

import pytest

from oo.errors import InvalidFeature
from oo.features.families import FAMILY_OF
from oo.features.user_state import UserState
from tests.unit.features.signal_events import NOON, activity, any_signal, seeded, session, sleep


def test_of_a_new_person_every_feature_is_unknown() -> None:
    assert UserState().values(FAMILY_OF, NOON) == dict.fromkeys(FAMILY_OF)


def test_only_the_features_asked_for_are_given_in_the_order_asked() -> None:
    state = UserState().fold(activity(NOON - timedelta(hours=2)), 1).fold(session(NOON), 2)
    names = ["sessions_7d", "sleep_hours_last", "hours_since_activity"]
    assert list(state.values(names, NOON).items()) == [
        ("sessions_7d", 1),
        ("sleep_hours_last", None),
        ("hours_since_activity", 2),
    ]


def test_a_feature_that_no_family_makes_is_refused_by_name() -> None:
    with pytest.raises(InvalidFeature, match=r"'mood'.*sessions_7d"):
        UserState().values(["mood"], NOON)


def test_folding_an_event_again_changes_nothing() -> None:
    event = sleep(NOON, 7)
    once = UserState().fold(event, 5)
    assert once.fold(event, 5) == once


def test_the_sequence_is_the_highest_folded() -> None:
    assert UserState().fold(session(NOON), 9).fold(session(NOON), 4).sequence == 9


def test_a_fold_leaves_the_state_before_it_alone() -> None:
    before = UserState().fold(session(NOON), 1)
    stored = before.to_json()
    before.fold(session(NOON), 2)
    assert before.to_json() == stored


def test_the_whole_stream_read_again_in_any_order_changes_nothing() -> None:
    random = seeded(3)
    events = [(sequence, any_signal(random)) for sequence in range(1, 1501)]
    state = UserState()
    for sequence, event in events:
        state = state.fold(event, sequence)
    again = state
    for sequence, event in random.sample(events, k=len(events)):
        again = again.fold(event, sequence)
    assert again == state


def test_a_state_survives_storage() -> None:
    random = seeded(1)
    state = UserState()
    for sequence in range(50):
        state = state.fold(any_signal(random), sequence)
    stored = UserState.from_json(state.to_json())
    assert stored == state
    assert stored.values(FAMILY_OF, NOON) == state.values(FAMILY_OF, NOON)


def test_the_document_of_the_busiest_person_stays_small() -> None:
    random = seeded(2)
    state = UserState()
    for sequence in range(3000):
        state = state.fold(any_signal(random), sys.maxsize + sequence)
    assert len(state.to_json()) < 9_000


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"null", b'{"families": {}}'])
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        UserState.from_json(data)
