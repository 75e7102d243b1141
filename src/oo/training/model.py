"""Fits a model: the best candidate of two recipes, with probabilities that are put right where that helps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier  # type: ignore[import-untyped]  # the same
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]  # the same
from sklearn.pipeline import Pipeline, make_pipeline  # type: ignore[import-untyped]  # the same
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from oo.errors import TrainingRefused
from oo.training.calibration import Calibrated, Sigmoid, calibrate, loss_after_sigmoid
from oo.training.cost import Stages
from oo.training.report import Calibration, Parameter, Tried
from oo.training.search import FOLDS, Space, folds, sample, search

MIN_ROWS = 100
MIN_OF_EACH_REWARD = 20
TREE_ROWS = 20_000
"""A forest's tree is drawn from no more rows: its bounded leaves are filled, and a million rows take no longer."""
_MIN_OF_EACH_IN_A_FOLD = 5
_SCORED_AT_ONCE = 65_536


class Model(Protocol):
    """A fitted classifier of two classes, of scikit-learn's or calibrated."""

    def predict_proba(self, rows: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """The probabilities of 0 and 1, shape (n, 2)."""
        ...


def _boosting(seed: int) -> BaseEstimator:
    """Robust on mixed columns of few rows. Reads NaN as it is, and stops when a tenth of the rows gain no more."""
    return HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=200,
        max_leaf_nodes=16,
        l2_regularization=1.0,
        early_stopping=True,
        validation_fraction=0.1,
        random_state=seed,
    )


def _forest(seed: int) -> BaseEstimator:
    """Finds what columns mean together, such as which arm suits which picture, where boosting needs far more rows.

    Its leaves are bounded, so that a file stays some megabytes however many rows there are.
    """
    return make_pipeline(
        SimpleImputer(keep_empty_features=True),
        ExtraTreesClassifier(n_estimators=100, max_leaf_nodes=512, max_features=0.3, random_state=seed),
    )


RECIPES: Mapping[str, Callable[[int], BaseEstimator]] = {"boosting": _boosting, "forest": _forest}
SPACES: Mapping[str, Space] = {
    "boosting": {"max_leaf_nodes": (4, 16)},
    "forest": {"max_features": ("sqrt", 0.3)},
}
"""Four candidates. A search among 32 took nine times as long and ended no better on unseen digits (0.288 nats against
0.280 on 450 rows, 0.086 both on 900): more to choose from is more to be mistaken in."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier of rewards and how it was chosen."""

    estimator: Model
    recipe: str
    parameters: Mapping[str, Parameter]
    """Those that were searched for, as chosen."""
    log_loss: Mapping[str, float]
    """The cross-validated log loss of each recipe's best candidate, after a sigmoid, in nats a row."""
    searched_rows: int
    tried: tuple[Tried, ...]
    calibration: Calibration


def fit(
    rows: npt.NDArray[np.float32], rewards: npt.NDArray[np.float64], *, seed: int, stages: Stages | None = None
) -> Fitted:
    """The best candidate by cross-validated log loss, fitted on all rows; equal input gives an equal model.

    The search looks at some of the rows when there are many. Then the best candidate of each recipe is tried on all of
    them: boosting goes on to learn where a forest is full.

    Calibration rests on scores of the newest part of the rows, each by a model that was fitted on what is older: half
    of the rows, or a sixth when there are many. None is lost to the model, which is fitted on all rows at last.

    Args:
        rows: encoded rows in the order of time, shape (n, width).
        rewards: shape (n,), 0 or 1.
        seed: of the models' own randomness.
        stages: where the time that each stage takes is told.

    Raises:
        TrainingRefused: too few rows, or too few of either reward, to say anything.
    """
    _refuse_too_few(rewards)
    seen = sample(rewards)
    _refuse_a_past_without(rewards[seen])
    stages = stages or Stages()
    # One thread: sums come in one order, and on a shared machine two threads wait for each other.
    with threadpool_limits(1):
        with stages.timed("search"):
            tried = {
                name: search(name, recipe(seed), SPACES[name], rows[seen], rewards[seen])
                for name, recipe in RECIPES.items()
            }
        best = {name: found[0] for name, found in tried.items()}
        with stages.timed("compare and calibrate"):
            if len(seen) < len(rows):
                held_out = {name: _held_out(one, rows, rewards, seed, number=1) for name, one in best.items()}
                log_loss = {name: loss_after_sigmoid(*scored) for name, scored in held_out.items()}
            else:
                log_loss = {name: one.log_loss for name, one in best.items()}
                held_out = {}
            chosen = best[min(log_loss, key=lambda name: log_loss[name])]
            calibration = calibrate(*held_out.get(chosen.recipe) or _held_out(chosen, rows, rewards, seed))
        with stages.timed("fit"):
            estimator = _fitted(chosen, rows, rewards, seed)
    if calibration.method == "sigmoid":
        estimator = Calibrated(estimator, Sigmoid(calibration.slope, calibration.intercept))
    return Fitted(
        estimator,
        chosen.recipe,
        chosen.parameters,
        log_loss,
        len(seen),
        tuple(one for found in tried.values() for one in found),
        calibration,
    )


def scores_of(model: Model, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The probability of a reward for each row, shape (n,); some rows at a time, since they are copied to 64 bits."""
    pieces = [
        model.predict_proba(rows[start : start + _SCORED_AT_ONCE])[:, 1]
        for start in range(0, len(rows), _SCORED_AT_ONCE)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0)


def _held_out(
    tried: Tried, rows: npt.NDArray[np.float32], rewards: npt.NDArray[np.float64], seed: int, number: int = FOLDS
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The scores of the newest rows, each by a model that has seen none that is as new, and their rewards."""
    split = list(folds(len(rows), number))
    scores = [scores_of(_fitted(tried, rows[older], rewards[older], seed), rows[newer]) for older, newer in split]
    return np.concatenate(scores), np.concatenate([rewards[newer] for _, newer in split])


def _fitted(tried: Tried, rows: npt.NDArray[np.float32], rewards: npt.NDArray[np.float64], seed: int) -> BaseEstimator:
    estimator = RECIPES[tried.recipe](seed)
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    last.set_params(**tried.parameters)
    if isinstance(last, ExtraTreesClassifier) and len(rows) > TREE_ROWS:
        last.set_params(bootstrap=True, max_samples=TREE_ROWS)
    return estimator.fit(rows, rewards)


def _refuse_too_few(rewards: npt.NDArray[np.float64]) -> None:
    rarer = _rarer(rewards)
    if len(rewards) < MIN_ROWS:
        raise TrainingRefused(
            f"{len(rewards)} decisions to fit on, {MIN_ROWS} are needed; wait until more exposures have matured"
        )
    if rarer < MIN_OF_EACH_REWARD:
        raise TrainingRefused(
            f"only {rarer} of {len(rewards)} decisions have the rarer reward, {MIN_OF_EACH_REWARD} are needed; "
            "wait for more reactions"
        )


def _refuse_a_past_without(rewards: npt.NDArray[np.float64]) -> None:
    oldest, _ = next(folds(len(rewards)))
    rarer = _rarer(rewards[oldest])
    if rarer < _MIN_OF_EACH_IN_A_FOLD:
        raise TrainingRefused(
            f"only {rarer} of the older {oldest.stop} decisions have the rarer reward, {_MIN_OF_EACH_IN_A_FOLD} are "
            "needed to foretell the newer half; wait for more decisions"
        )


def _rarer(rewards: npt.NDArray[np.float64]) -> int:
    return int(min((rewards == 0).sum(), (rewards == 1).sum()))
