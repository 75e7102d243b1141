from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from oo.events.feedback import ReactionKind
from oo.rewards.outcome import Feedback, Outcome, outcome
from tests.unit.rewards.feedback_events import WINDOW, at

CLICKED, COMPLETED, DISMISSED = ReactionKind.CLICKED, ReactionKind.COMPLETED, ReactionKind.DISMISSED


def shown(minutes: float, tip_id: str = "walk") -> Feedback:
    return Feedback(tip_id, None, at(minutes))


def did(kind: ReactionKind, minutes: float, tip_id: str = "walk") -> Feedback:
    return Feedback(tip_id, kind, at(minutes))


def decided_by(*feedback: Feedback) -> tuple[ReactionKind | None, bool]:
    found = {outcome("walk", WINDOW, order) for order in permutations(feedback)}
    assert len(found) == 1, "the order of feedback changed the outcome"
    [only] = found
    return only.reaction, only.late


def test_without_feedback_nothing_is_known() -> None:
    assert outcome("walk", WINDOW, []) == Outcome()


def test_the_first_of_two_exposures_opens_the_window() -> None:
    found = outcome("walk", WINDOW, [shown(30), shown(1)])

    assert (found.exposed_at, found.closes_at) == (at(1), at(61))


def test_a_reaction_at_the_windows_last_moment_counts() -> None:
    assert decided_by(shown(0), did(CLICKED, 60)) == (CLICKED, False)


def test_a_late_reaction_is_kept_and_marked() -> None:
    assert decided_by(shown(0), did(CLICKED, 60.001)) == (CLICKED, True)


def test_a_second_exposure_does_not_make_a_late_reaction_timely() -> None:
    assert decided_by(shown(0), shown(59), did(CLICKED, 61)) == (CLICKED, True)


@pytest.mark.parametrize("minutes", [5, 15])
def test_a_click_outweighs_a_dismissal_before_and_after_it(minutes: float) -> None:
    assert decided_by(shown(0), did(DISMISSED, 10), did(CLICKED, minutes)) == (CLICKED, False)


def test_a_late_click_does_not_outweigh_a_dismissal_in_time() -> None:
    assert decided_by(shown(0), did(DISMISSED, 10), did(CLICKED, 61)) == (DISMISSED, False)


def test_the_earliest_of_two_rewarded_reactions_decides() -> None:
    assert decided_by(shown(0), did(CLICKED, 3), did(COMPLETED, 2)) == (COMPLETED, False)


def test_two_reactions_at_the_same_moment_have_one_outcome() -> None:
    assert decided_by(shown(0), did(CLICKED, 3), did(COMPLETED, 3)) == (CLICKED, False)


def test_feedback_for_another_tip_changes_nothing() -> None:
    assert outcome("walk", WINDOW, [shown(0, "other"), did(CLICKED, 1, "other")]) == Outcome()


def test_a_reaction_without_an_exposure_is_kept_and_not_late() -> None:
    found = outcome("walk", WINDOW, [did(CLICKED, 500)])

    assert found == Outcome(reacted_at=at(500), reaction=CLICKED)


def test_a_device_whose_clock_is_behind_still_reacts_in_time() -> None:
    assert decided_by(shown(5), did(CLICKED, 4)) == (CLICKED, False)


def test_an_exposure_at_the_end_of_time_has_a_window() -> None:
    last = datetime.max.replace(tzinfo=UTC)

    assert outcome("walk", timedelta(days=1), [Feedback("walk", None, last)]).closes_at == last
