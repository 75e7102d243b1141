from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import log_loss  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.training.calibration import Calibrated, Sigmoid, calibrate, calibrated_log_loss

RNG = np.random.default_rng(4)
LOG_ODDS = RNG.normal(size=6_000)
REWARDS = (RNG.random(6_000) < 1 / (1 + np.exp(-LOG_ODDS))).astype(float)


@dataclass
class Told:
    """A classifier whose rows are its scores."""

    def predict_proba(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.column_stack([1 - rows, rows])


def probabilities(sharpened: float) -> npt.NDArray[np.float64]:
    """1 is honest; above it too sure, below too shy."""
    odds: npt.NDArray[np.float64] = 1 / (1 + np.exp(-sharpened * LOG_ODDS))
    return odds


@pytest.mark.parametrize("sharpened", [0.3, 3.0])
def test_probabilities_that_are_too_shy_or_too_sure_are_put_right(sharpened: float) -> None:
    found = calibrate(probabilities(sharpened), REWARDS)
    assert found.method == "sigmoid"
    assert found.slope == pytest.approx(1 / sharpened, rel=0.1)
    assert (found.fitted_on, found.judged_on) == (6_000, 2_000)
    honest = log_loss(REWARDS[4_000:], probabilities(1.0)[4_000:])
    assert found.log_loss_before > honest + 0.01
    assert found.log_loss_after == pytest.approx(honest, abs=0.003)
    assert found.error_after < 0.03
    assert found.error_before > 0.08


def test_honest_probabilities_stay_as_they_are() -> None:
    rows = np.arange(6_000)
    drifted = np.where(rows < 4_000, probabilities(3.0), probabilities(1.0))
    found = calibrate(drifted, REWARDS)  # what mends the older ones would spoil the newest
    assert (found.method, found.slope, found.intercept, found.fitted_on) == ("none", 1.0, 0.0, 0)
    assert found.log_loss_after > found.log_loss_before
    assert found.error_after > found.error_before


def test_a_model_that_ranks_the_wrong_way_is_not_turned_around() -> None:
    found = calibrate(probabilities(-1.0), REWARDS)
    assert found.log_loss_after < found.log_loss_before
    assert found.method == "none"


def test_rows_of_one_reward_only_leave_a_finite_loss() -> None:
    found = calibrate(probabilities(1.0), np.zeros(6_000))
    assert 0 < found.log_loss_after < found.log_loss_before


def test_the_order_of_scores_is_kept_up_to_certainty() -> None:
    scores = np.array([0, 1e-9, 1e-6, 1e-3, 0.5, 0.999, 0.99999, 1 - 1e-9, 1])
    calibrated = Sigmoid(2.0, -1.0)(scores)
    assert np.all(np.diff(calibrated) > 0)
    assert np.all((calibrated > 0) & (calibrated < 1))


def test_the_loss_after_a_sigmoid_asks_how_well_scores_rank_and_not_how_sure_they_are() -> None:
    told = (probabilities(0.3), probabilities(3.0), RNG.permutation(probabilities(1.0)))
    shy, sure, shuffled = (calibrated_log_loss(Told(), scores.astype(np.float32), REWARDS) for scores in told)
    assert shy == pytest.approx(sure, abs=0.002)
    assert shuffled < shy - 0.05


def test_both_probabilities_of_a_calibrated_model_add_up_to_one() -> None:
    calibrated = Calibrated(Told(), Sigmoid(2.0, 0.5)).predict_proba(np.array([0.2, 0.7], dtype=np.float32))
    assert calibrated.sum(axis=1) == pytest.approx([1, 1])
    assert calibrated[:, 1] == pytest.approx(Sigmoid(2.0, 0.5)(np.array([0.2, 0.7])))
