import numpy as np
import pytest

from oo.errors import InvalidArms
from oo.experiments.policy import Arms


def test_arms_know_how_many_they_are() -> None:
    assert len(Arms(("a", "b"), np.array([0.1, 0.2]))) == 2


def test_there_is_at_least_one_arm() -> None:
    with pytest.raises(InvalidArms, match="at least one candidate"):
        Arms(())


def test_an_arm_twice_is_refused_and_named() -> None:
    with pytest.raises(InvalidArms, match="'b' is an arm twice"):
        Arms(("a", "b", "b"))


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1), ()])
def test_scores_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArms, match=r"shape \(2,\)"):
        Arms(("a", "b"), np.zeros(shape))


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_refused_and_its_tip_named(score: float) -> None:
    with pytest.raises(InvalidArms, match="score of tip 'b'"):
        Arms(("a", "b", "c"), np.array([0.1, score, 0.2]))
