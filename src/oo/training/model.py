"""Fits a model: two recipes, of which the one with the better estimates is taken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier  # type: ignore[import-untyped]  # the same
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]  # the same
from sklearn.model_selection import StratifiedKFold, cross_val_score  # type: ignore[import-untyped]  # the same
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # the same
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from oo.errors import TrainingRefused

MIN_ROWS = 100
MIN_OF_EACH_REWARD = 20
_FOLDS = 3


def _boosting(seed: int) -> BaseEstimator:
    """Robust on mixed columns of few rows: small trees, slowly learned. Reads NaN as it is."""
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=8, l2_regularization=1.0, early_stopping=False, random_state=seed
    )


def _forest(seed: int) -> BaseEstimator:
    """Finds what columns mean together, such as which arm suits which picture, where boosting needs far more rows.

    Its leaves are bounded, so that a file stays some megabytes however many rows there are.
    """
    return make_pipeline(
        SimpleImputer(keep_empty_features=True),
        ExtraTreesClassifier(n_estimators=100, max_leaf_nodes=512, random_state=seed),
    )


RECIPES: Mapping[str, Callable[[int], BaseEstimator]] = {"boosting": _boosting, "forest": _forest}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A scikit-learn classifier of rewards and how it was chosen."""

    estimator: BaseEstimator
    recipe: str
    log_loss: Mapping[str, float]
    """The cross-validated log loss of each recipe, in nats a row."""


def fit(rows: npt.NDArray[np.float32], rewards: npt.NDArray[np.float64], *, seed: int) -> Fitted:
    """The better recipe by cross-validated log loss, fitted on all rows; equal input gives an equal model.

    Args:
        rows: encoded rows, shape (n, width).
        rewards: shape (n,), 0 or 1.
        seed: of the folds and of the model's own randomness.

    Raises:
        TrainingRefused: too few rows, or too few of either reward, to say anything.
    """
    _refuse_too_few(rewards)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    # One thread: sums come in one order, and on a shared machine two threads wait for each other.
    with threadpool_limits(1):
        log_loss = {
            name: -float(cross_val_score(recipe(seed), rows, rewards, cv=folds, scoring="neg_log_loss").mean())
            for name, recipe in RECIPES.items()
        }
        best = min(log_loss, key=lambda name: log_loss[name])
        return Fitted(RECIPES[best](seed).fit(rows, rewards), best, log_loss)


def _refuse_too_few(rewards: npt.NDArray[np.float64]) -> None:
    rarer = int(min((rewards == 0).sum(), (rewards == 1).sum()))
    if len(rewards) < MIN_ROWS:
        raise TrainingRefused(
            f"{len(rewards)} decisions to fit on, {MIN_ROWS} are needed; wait until more exposures have matured"
        )
    if rarer < MIN_OF_EACH_REWARD:
        raise TrainingRefused(
            f"only {rarer} of {len(rewards)} decisions have the rarer reward, {MIN_OF_EACH_REWARD} are needed; "
            "wait for more reactions"
        )
