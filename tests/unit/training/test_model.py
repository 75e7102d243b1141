import numpy as np
import pytest

from oo.errors import TrainingRefused
from oo.training.model import fit
from tests.training_data import digit_dataset


def test_what_columns_mean_together_is_found_by_the_forest() -> None:
    dataset = digit_dataset(600)
    fitted = fit(dataset.rows, dataset.rewards, seed=3)
    assert fitted.recipe == "forest"
    unseen = digit_dataset(200, seed=9)
    right = (fitted.estimator.predict_proba(unseen.rows)[:, 1] > 0.5) == unseen.rewards
    assert right.mean() > 0.8
    assert fitted.log_loss["forest"] < fitted.log_loss["boosting"]


def test_single_columns_with_thresholds_are_left_to_boosting() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(400, 6)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rewards = (np.nan_to_num(rows[:, 2], nan=1.0) > 0.3).astype(float)
    assert fit(rows, rewards, seed=3).recipe == "boosting"


def test_too_few_rows_are_refused() -> None:
    dataset = digit_dataset(99)
    with pytest.raises(TrainingRefused, match="99 decisions to fit on, 100 are needed"):
        fit(dataset.rows, dataset.rewards, seed=3)


@pytest.mark.parametrize("common", [0.0, 1.0])
def test_too_few_of_either_reward_are_refused(common: float) -> None:
    dataset = digit_dataset(200)
    rewards = np.full(200, common)
    rewards[:19] = 1 - common
    with pytest.raises(TrainingRefused, match="only 19 of 200 decisions have the rarer reward"):
        fit(dataset.rows, rewards, seed=3)
