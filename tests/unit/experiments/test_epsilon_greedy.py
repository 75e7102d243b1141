import numpy as np
import pytest

from oo.errors import InvalidArms
from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.policy import Arms


@pytest.mark.parametrize(
    ("epsilon", "scores", "expected"),
    [
        (0.3, [0.1, 0.9, 0.2], [0.1, 0.8, 0.1]),
        (0.3, [0.9, 0.9, 0.2], [0.45, 0.45, 0.1]),
        (0.3, [0.5, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]),
        (0.0, [0.1, 0.9, 0.2], [0, 1, 0]),
        (1.0, [0.1, 0.9, 0.2], [1 / 3, 1 / 3, 1 / 3]),
        (0.3, [-2.0, -1.0, -3.0], [0.1, 0.8, 0.1]),
    ],
)
def test_the_best_scores_share_what_exploration_leaves(
    epsilon: float, scores: list[float], expected: list[float]
) -> None:
    policy = EpsilonGreedy(version="1", epsilon=epsilon)
    assert policy.probabilities(Arms(("a", "b", "c"), np.array(scores)), {}) == pytest.approx(expected, rel=1e-12)


def test_arms_without_scores_are_refused() -> None:
    with pytest.raises(InvalidArms, match="needs a score"):
        EpsilonGreedy(version="1", epsilon=0.1).probabilities(Arms(("a", "b")), {})
