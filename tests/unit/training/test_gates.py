from typing import Any

import numpy as np
import pytest

from oo.training.gates import (
    BetterThanBaseRate,
    BetterThanChampion,
    Evidence,
    Parity,
    SameColumns,
    SampleSize,
    judge,
    log_losses,
)

RNG = np.random.default_rng(11)
CHANCES = RNG.uniform(0.05, 0.95, 400)
REWARDS = (RNG.random(400) < CHANCES).astype(float)


def evidence(**changed: Any) -> Evidence:  # noqa: ANN401  # any field
    fields: dict[str, Any] = {
        "feature_digest": "a",
        "challenger_feature_digest": "a",
        "parity_difference": 1e-7,
        "rewards": REWARDS,
        "challenger_scores": CHANCES,
        "champion_scores": np.full(400, 0.5),
        "base_rate": float(REWARDS.mean()),
    }
    return Evidence(**(fields | changed))


def test_a_better_challenger_passes_every_gate() -> None:
    verdict = judge(evidence())
    assert verdict.passed
    assert [reason.name for reason in verdict.reasons] == [
        "same columns",
        "parity",
        "sample size",
        "base rate",
        "log loss",
    ]


def test_one_no_is_a_no_and_all_gates_are_asked() -> None:
    verdict = judge(evidence(challenger_feature_digest="b", parity_difference=0.1))
    assert not verdict.passed
    assert [reason.passed for reason in verdict.reasons] == [False, False, True, True, True]


def test_other_columns_are_refused() -> None:
    result = SameColumns().judge(evidence(challenger_feature_digest="b"))
    assert not result.passed
    assert "other columns" in result.sentence


@pytest.mark.parametrize("difference", [0.01, float("nan")])
def test_an_export_that_differs_is_refused(difference: float) -> None:
    result = Parity().judge(evidence(parity_difference=difference))
    assert not result.passed
    assert "not within" in result.sentence


def test_too_small_a_holdout_is_refused() -> None:
    result = SampleSize().judge(evidence(rewards=REWARDS[:99]))
    assert not result.passed
    assert "99 decisions" in result.sentence
    assert "too little" in result.sentence


@pytest.mark.parametrize("rewarded", [9, 391])
def test_a_holdout_of_almost_one_reward_is_refused(rewarded: int) -> None:
    assert not SampleSize().judge(evidence(rewards=(np.arange(400) < rewarded).astype(float))).passed


def test_a_worse_challenger_is_refused() -> None:
    result = BetterThanChampion().judge(evidence(challenger_scores=1 - CHANCES))
    assert not result.passed
    assert result.sentence.endswith("it is worse.")
    assert result.figures["high"] < 0


def test_an_equal_challenger_is_inconclusive_and_refused() -> None:
    noise = RNG.normal(0, 0.02, 400)
    result = BetterThanChampion().judge(evidence(champion_scores=np.clip(CHANCES + noise, 0.01, 0.99)))
    assert not result.passed
    assert result.sentence.endswith("that is inconclusive.")
    assert result.figures["low"] <= 0 <= result.figures["high"]


def test_the_same_model_again_is_refused() -> None:
    assert not BetterThanChampion().judge(evidence(champion_scores=CHANCES)).passed


def test_scores_that_are_none_are_refused() -> None:
    assert not BetterThanChampion().judge(evidence(challenger_scores=np.full(400, np.nan))).passed


def test_an_empty_holdout_is_refused() -> None:
    none = np.empty(0)
    assert not judge(evidence(rewards=none, challenger_scores=none, champion_scores=none)).passed


def test_the_interval_covers_the_true_gain_as_often_as_it_says() -> None:
    """Of 300 holdouts drawn from known chances, about 95 % of the intervals hold the expected gain."""
    challenger, champion = np.clip(CHANCES + 0.1, 0.01, 0.99), np.full(400, 0.5)
    expected = np.mean(
        CHANCES * (log_losses(np.ones(400), champion) - log_losses(np.ones(400), challenger))
        + (1 - CHANCES) * (log_losses(np.zeros(400), champion) - log_losses(np.zeros(400), challenger))
    )
    rng = np.random.default_rng(12)
    held = 0
    for _ in range(300):
        rewards = (rng.random(400) < CHANCES).astype(float)
        figures = BetterThanChampion().judge(evidence(rewards=rewards, challenger_scores=challenger)).figures
        held += int(figures["low"] <= expected <= figures["high"])
    assert 0.92 <= held / 300 <= 1.0


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert log_losses(np.array([1.0, 0.0]), np.array([0.0, 0.0])).tolist() == pytest.approx([13.8155, 1e-6], rel=1e-3)


def test_a_challenger_that_knows_no_more_than_the_base_rate_is_refused_however_poor_the_champion_is() -> None:
    noise = RNG.normal(0, 0.01, 400)
    knows_nothing = evidence(challenger_scores=REWARDS.mean() + noise, champion_scores=np.full(400, 0.02))
    assert BetterThanChampion().judge(knows_nothing).passed
    result = BetterThanBaseRate().judge(knows_nothing)
    assert not result.passed
    assert result.sentence.endswith("that is inconclusive.")
