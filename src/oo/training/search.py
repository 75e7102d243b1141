"""Which parameters: each candidate of a small declared space is tried on the same rows, in the order of time."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.model_selection import GridSearchCV  # type: ignore[import-untyped]  # the same

from oo.training.calibration import calibrated_log_loss
from oo.training.report import Parameter, Tried

SEARCH_ROWS = 10_000
"""The search looks at no more, so that it costs the same however many rows there are."""
FOLDS = 3
_LEAST_RARE_SHARE = 0.1
_FOLDS_OF_ALL = 6

Space = Mapping[str, Sequence[Parameter]]


def folds(rows: int, number: int = FOLDS) -> Iterator[tuple[slice, slice]]:
    """Older rows to fit on and the next sixth to be judged by, `number` times; the last one ends with the newest row.

    Time goes forward as it does in serving, so rows of one person, or of one week, on both sides flatter nobody. On
    digits rows it chose what shuffled folds chose.
    """
    width = rows // _FOLDS_OF_ALL
    for start in range(rows - number * width, rows, width)[:number]:
        yield slice(0, start), slice(start, start + width)


def sample(rewards: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The rows that a search looks at, evenly spread over time and in its order: all, or `SEARCH_ROWS`.

    A rare reward is taken more often than it comes, up to a tenth of the rows: what is never seen chooses nothing.
    """
    if len(rewards) <= SEARCH_ROWS:
        return np.arange(len(rewards))
    rare, common = sorted((np.flatnonzero(rewards == reward) for reward in (0, 1)), key=len)
    share = max(len(rare) / len(rewards), _LEAST_RARE_SHARE)
    of_rare = min(len(rare), round(share * SEARCH_ROWS))
    return np.sort(np.concatenate([_evenly(rare, of_rare), _evenly(common, SEARCH_ROWS - of_rare)]))


def search(
    recipe: str,
    estimator: BaseEstimator,
    space: Space,
    rows: npt.NDArray[np.float32],
    rewards: npt.NDArray[np.float64],
) -> list[Tried]:
    """Every candidate of the space of one recipe, the best one first.

    Args:
        recipe: its name.
        estimator: not fitted; the last step of a pipeline takes the parameters.
        space: the values to try of each parameter.
        rows: in the order of time, shape (n, width).
        rewards: shape (n,), 0 or 1.
    """
    prefix = f"{estimator.steps[-1][0]}__" if hasattr(estimator, "steps") else ""
    places = np.arange(len(rows))
    grid = GridSearchCV(
        estimator,
        {prefix + name: values for name, values in space.items()},
        scoring=calibrated_log_loss,
        cv=[(places[fitted], places[judged]) for fitted, judged in folds(len(rows))],
        refit=False,
        error_score="raise",
    ).fit(rows, rewards)
    tried = (
        Tried(recipe, {name.removeprefix(prefix): value for name, value in parameters.items()}, -float(score))
        for parameters, score in zip(grid.cv_results_["params"], grid.cv_results_["mean_test_score"], strict=True)
    )
    return sorted(tried, key=lambda one: one.log_loss)


def _evenly(places: npt.NDArray[np.intp], number: int) -> npt.NDArray[np.intp]:
    return places[np.linspace(0, len(places) - 1, number).round().astype(np.intp)]
