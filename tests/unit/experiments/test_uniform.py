from oo.experiments.policy import Arms
from oo.experiments.policy_state import ArmStats
from oo.experiments.uniform import Uniform


def test_neither_scores_nor_rewards_move_it() -> None:
    state = {"a": ArmStats(100, 99.0)}
    assert Uniform(version="1").probabilities(Arms(("a", "b")), state).tolist() == [0.5, 0.5]
