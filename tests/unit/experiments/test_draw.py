from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oo.errors import InvalidArms
from oo.experiments.chance import chance
from oo.experiments.draw import draw

ID = UUID("0198f000-0000-7000-8000-000000000001")
weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1)), min_size=1, max_size=30).filter(any)


@given(st.uuids(), weights, st.randoms(use_true_random=False))
def test_the_callers_order_does_not_matter_and_an_impossible_arm_is_never_chosen(
    decision_id: UUID, drawn: list[float], random: object
) -> None:
    arms = {f"tip-{number}": weight / sum(drawn) for number, weight in enumerate(drawn)}
    tip_ids = list(arms)
    chosen = tip_ids[draw(decision_id, tip_ids, np.array(list(arms.values())))]
    assert arms[chosen] > 0

    random.shuffle(tip_ids)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert tip_ids[draw(decision_id, tip_ids, np.array([arms[tip_id] for tip_id in tip_ids]))] == chosen


def test_the_arms_are_walked_in_the_order_of_their_ids() -> None:
    u = chance("draw", str(ID))
    assert draw(ID, ["z", "a"], np.array([1 - u - 1e-12, u + 1e-12])) == 1
    assert draw(ID, ["z", "a"], np.array([1 - u, u])) == 0


def test_rounding_at_the_end_of_the_walk_chooses_the_last_possible_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.experiments.draw.chance", lambda *_: 1 - 2**-53)
    short = np.array([0.5, 0.5 - 5e-10, 0.0])
    assert draw(ID, ["a", "b", "c"], short) == 1


def test_the_smallest_number_does_not_choose_an_impossible_first_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.experiments.draw.chance", lambda *_: 0.0)
    assert draw(ID, ["a", "b"], np.array([0.0, 1.0])) == 1


@pytest.mark.parametrize("probabilities", [[], [1.0], [0.5, 0.4], [0.6, 0.6], [1.5, -0.5], [np.nan, 1.0]])
def test_what_are_no_probabilities_of_these_arms_is_refused(probabilities: list[float]) -> None:
    with pytest.raises(InvalidArms, match="2 arms need"):
        draw(ID, ["a", "b"], np.array(probabilities))
