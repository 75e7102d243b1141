import numpy as np
import pytest
from scipy.stats import norm  # type: ignore[import-untyped]  # scipy ships no types
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.training.gates.auc import BetterRanking
from oo.training.gates.delong import auc, auc_gain
from oo.training.gates.gate import Evidence
from tests.unit.training.gates.court import Court, entrant, logistic, refusals, scored


def test_a_champion_that_was_only_calibrated_anew_is_refused_for_choosing_as_before(court: Court) -> None:
    rows, rewards = court.fitted
    model = logistic(rows, rewards)
    far_too_sure = logistic(rows, rewards)
    far_too_sure[-1].coef_ *= 6
    far_too_sure[-1].intercept_ *= 6
    before = Court(court.dataset, entrant(far_too_sure))
    (refused,) = refusals(before.evidence(entrant(model)))
    assert refused.name == "AUC"
    assert refused.sentence.endswith("that is inconclusive.")


def test_a_worse_ranking_is_called_worse(evidence: Evidence) -> None:
    result = BetterRanking().judge(scored(evidence, 1 - evidence.challenger.scores))
    assert not result.passed
    assert result.sentence.endswith("it ranks worse.")


def test_the_area_is_that_of_scikit_learn_ties_and_all(evidence: Evidence) -> None:
    rounded = evidence.challenger.scores.round(1)
    estimate = auc(evidence.rewards, rounded, 0.95)
    assert estimate is not None
    assert estimate.value == pytest.approx(roc_auc_score(evidence.rewards, rounded))


def test_the_deviation_of_a_gain_is_that_of_resampled_rows(evidence: Evidence) -> None:
    rewards, own, other = evidence.rewards, evidence.challenger.scores, evidence.champion.scores
    rng = np.random.default_rng(8)
    gains = []
    for _ in range(1_000):
        rows = rng.integers(len(rewards), size=len(rewards))
        resampled = auc_gain(rewards[rows], own[rows], other[rows], 0.95)
        assert resampled is not None
        gains.append(resampled.value)
    gain = auc_gain(rewards, own, other, 0.95)
    assert gain is not None
    assert (gain.high - gain.low) / 2 == pytest.approx(1.96 * np.std(gains), rel=0.1)


def test_the_interval_of_a_gain_covers_the_true_one_as_often_as_it_says() -> None:
    """The scores of either reward are normal and one deviation apart, or half of one: the true areas are known."""
    rng, held = np.random.default_rng(9), 0
    true = norm.cdf(1 / np.sqrt(2)) - norm.cdf(0.5 / np.sqrt(2))
    for _ in range(300):
        rewards = (rng.random(300) < 0.3).astype(float)
        shared = rng.normal(size=300)
        own, other = rewards + shared, rewards / 2 + 0.6 * shared + 0.8 * rng.normal(size=300)
        gain = auc_gain(rewards, own, other, 0.95)
        assert gain is not None
        held += int(gain.low <= true <= gain.high)
    assert 0.92 <= held / 300 <= 0.98


def test_the_same_scores_gain_nothing_which_is_sure(evidence: Evidence) -> None:
    scores = evidence.challenger.scores
    assert auc_gain(evidence.rewards, scores, scores, 0.95) == (0.0, 0.0, 0.0)


def test_one_rewarded_decision_tells_nothing() -> None:
    assert auc_gain(np.eye(1, 50)[0], np.arange(50.0), np.arange(50.0), 0.95) is None
