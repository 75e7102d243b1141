import numpy as np
import pytest
from sklearn.metrics import log_loss  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.errors import TrainingRefused
from oo.training import model, search
from oo.training.calibration import Calibrated
from oo.training.cost import Stages
from oo.training.model import RECIPES, Fitted, fit, scores_of
from tests.training_data import digit_dataset


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    dataset = digit_dataset(600)
    return fit(dataset.rows, dataset.rewards, seed=3)


def test_what_columns_mean_together_is_found_by_the_forest(fitted: Fitted) -> None:
    assert fitted.recipe == "forest"
    unseen = digit_dataset(200, seed=9)
    right = (fitted.estimator.predict_proba(unseen.rows)[:, 1] > 0.5) == unseen.rewards
    assert right.mean() > 0.85
    assert fitted.log_loss["forest"] < fitted.log_loss["boosting"]


def test_every_candidate_is_told_and_the_best_is_chosen(fitted: Fitted) -> None:
    assert [(one.recipe, one.parameters) for one in sorted(fitted.tried, key=str)] == [
        ("boosting", {"max_leaf_nodes": 16}),
        ("boosting", {"max_leaf_nodes": 4}),
        ("forest", {"max_features": "sqrt"}),
        ("forest", {"max_features": 0.3}),
    ]
    best = min(fitted.tried, key=lambda one: one.log_loss)
    assert (fitted.recipe, fitted.parameters, fitted.log_loss["forest"]) == ("forest", best.parameters, best.log_loss)
    assert fitted.searched_rows == 600


def test_a_shy_forest_is_calibrated_and_tells_unseen_rows_better(fitted: Fitted) -> None:
    assert isinstance(fitted.estimator, Calibrated)
    unseen = digit_dataset(300, seed=9)
    before = log_loss(unseen.rewards, scores_of(fitted.estimator.estimator, unseen.rows))
    after = log_loss(unseen.rewards, scores_of(fitted.estimator, unseen.rows))
    assert after < before - 0.05
    told = fitted.calibration
    assert (told.method, told.fitted_on, told.judged_on) == ("sigmoid", 300, 100)
    assert told.log_loss_after < told.log_loss_before
    assert told.error_after < told.error_before


def test_single_columns_with_thresholds_are_left_to_boosting() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(400, 6)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rewards = (np.nan_to_num(rows[:, 2], nan=1.0) > 0.3).astype(float)
    assert fit(rows, rewards, seed=3).recipe == "boosting"


def test_boosting_stops_when_it_gains_no_more() -> None:
    rng = np.random.default_rng(5)
    boosting = RECIPES["boosting"](1).fit(rng.normal(size=(500, 4)), rng.random(500) < 0.5)
    assert boosting.n_iter_ < 50 < boosting.max_iter


def test_of_many_rows_the_search_sees_some_and_the_recipes_are_compared_on_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "SEARCH_ROWS", 300)
    monkeypatch.setattr(model, "TREE_ROWS", 200)
    dataset, stages = digit_dataset(600), Stages()
    fitted = fit(dataset.rows, dataset.rewards, seed=3, stages=stages)
    assert (fitted.searched_rows, fitted.calibration.judged_on) == (300, 34)
    assert fitted.log_loss["forest"] not in {one.log_loss for one in fitted.tried}
    assert fitted.recipe == min(fitted.log_loss, key=lambda name: fitted.log_loss[name]) == "forest"
    assert isinstance(fitted.estimator, Calibrated)
    trees = fitted.estimator.estimator.steps[-1][1]
    assert trees.max_samples == 200
    assert list(stages.seconds) == ["search", "compare and calibrate", "fit"]


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


def test_a_past_that_never_saw_a_reward_is_refused() -> None:
    dataset = digit_dataset(200)
    rewards = np.zeros(200)
    rewards[-30:] = 1
    with pytest.raises(TrainingRefused, match="only 0 of the older 101 decisions have the rarer reward, 5 are needed"):
        fit(dataset.rows, rewards, seed=3)
