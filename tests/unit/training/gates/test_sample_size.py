from dataclasses import replace

import numpy as np
import pytest

from oo.training.dataset import Dataset
from oo.training.gates.gate import Evidence
from oo.training.gates.sample_size import SampleSize
from tests.training_data import dataset_of
from tests.unit.training.gates.court import Court, entrant, known_a_day_later, logistic, refusals


def test_too_few_decisions_are_refused_however_clear_they_are() -> None:
    """One person's hundred decisions on a few images that any model tells apart."""
    dataset = clear(396)
    rows, rewards = dataset.rows[dataset.fitted], dataset.rewards[dataset.fitted]
    court = Court(dataset, entrant(logistic(rows[:40], rewards[:40], strength=1e-4)))
    (refused,) = refusals(court.evidence(entrant(logistic(rows, rewards, strength=10))))
    assert refused.name == "sample size"
    assert "99 decisions" in refused.sentence
    assert "too little" in refused.sentence


@pytest.mark.parametrize("rewarded", [9, 391])
def test_a_holdout_of_almost_one_reward_is_refused(evidence: Evidence, rewarded: int) -> None:
    rewards = np.concatenate([np.zeros(1_200), np.arange(400) < rewarded]).astype(float)
    dataset = known_a_day_later(dataset_of(np.zeros((1_600, 74), dtype=np.float32), rewards))
    result = SampleSize().judge(replace(evidence, dataset=dataset))
    assert not result.passed
    assert f"{rewarded} of them rewarded" in result.sentence


def clear(n: int) -> Dataset:
    rng = np.random.default_rng(3)
    rewards = rng.integers(0, 2, n).astype(float)
    rows = rng.normal(size=(n, 74)).astype(np.float32)
    rows[:, :6] += 1.5 * rewards[:, np.newaxis].astype(np.float32)
    return known_a_day_later(dataset_of(rows, rewards))
