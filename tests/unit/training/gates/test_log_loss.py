from dataclasses import replace

import numpy as np
import pytest

from oo.training.evidence import Entrant
from oo.training.gates.gate import Evidence
from oo.training.gates.log_loss import BetterThanChampion
from oo.training.gates.losses import gain_of, log_losses
from tests.unit.training.gates.court import Court, entrant, logistic, refusals, scored


def test_a_challenger_that_ranks_better_but_is_sure_of_its_mistakes_is_refused(court: Court, better: Entrant) -> None:
    rows, rewards = court.fitted
    decent = replace(court, champion=entrant(logistic(rows[:280], rewards[:280], strength=0.01)))
    evidence = decent.evidence(better)
    scores = evidence.challenger.scores
    too_sure = np.select([scores > 0.94, scores < 0.06], [1 - 1e-5, 1e-5], scores)
    (refused,) = refusals(scored(evidence, too_sure))
    assert refused.name == "log loss"
    assert refused.sentence.endswith("that is inconclusive.")


def test_a_worse_challenger_is_called_worse(evidence: Evidence) -> None:
    result = BetterThanChampion().judge(scored(evidence, 1 - evidence.challenger.scores))
    assert not result.passed
    assert result.sentence.endswith("it is worse.")
    assert result.figures["high"] < 0


def test_scores_that_are_none_are_refused(evidence: Evidence) -> None:
    assert not BetterThanChampion().judge(scored(evidence, np.full(len(evidence.rewards), np.nan))).passed


def test_the_interval_covers_the_true_gain_as_often_as_it_says() -> None:
    """Of 300 holdouts drawn from known chances, about 95 % of the intervals hold the expected gain."""
    rng = np.random.default_rng(12)
    chances = rng.uniform(0.05, 0.95, 400)
    challenger, champion = np.clip(chances + 0.1, 0.01, 0.99), np.full(400, 0.5)
    expected = np.mean(
        chances * (log_losses(np.ones(400), champion) - log_losses(np.ones(400), challenger))
        + (1 - chances) * (log_losses(np.zeros(400), champion) - log_losses(np.zeros(400), challenger))
    )
    held = 0
    for _ in range(300):
        gain = gain_of((rng.random(400) < chances).astype(float), challenger, champion, 0.95)
        assert gain is not None
        held += int(gain.low <= expected <= gain.high)
    assert 0.92 <= held / 300 <= 1.0


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert log_losses(np.array([1.0, 0.0]), np.array([0.0, 0.0])).tolist() == pytest.approx([13.8155, 1e-6], rel=1e-3)
