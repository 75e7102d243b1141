"""Probabilities that mean what they say: a sigmoid over a model's log odds, where that is better than none."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # the same
from sklearn.metrics import log_loss  # type: ignore[import-untyped]  # the same

from oo.training.gates.calibration import bins_of, calibration_error
from oo.training.report import Calibration

FLOORS = 1e-3, 1e-6
"""What is added to the probabilities of 0 and 1 before their logarithm: it keeps log odds finite and their order.

More to the first: 32 bits know a probability near 1 to 6e-8 only, and the logarithm of what it lacks to 1 would blow
that up.
"""
BINS = 10

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """Platt scaling: the log odds times a slope, plus an intercept.

    Source: Platt, *Probabilistic outputs for support vector machines*, 1999, with his smoothed targets, so that rows
    that are told apart without a mistake do not end in certainty.
    """

    slope: float
    intercept: float

    @classmethod
    def fitted(cls, scores: _Floats, rewards: _Floats) -> Self:
        """The sigmoid that makes these scores fit these rewards best.

        Args:
            scores: probabilities that a model gave to rows that it was not fitted on, shape (n,).
            rewards: shape (n,), 0 or 1; all may be equal.
        """
        ones = rewards.sum()
        target = np.where(rewards == 1, (ones + 1) / (ones + 2), 1 / (len(rewards) - ones + 2))
        odds = np.tile(_log_odds(scores), 2)[:, np.newaxis]
        labels = np.repeat([1, 0], len(rewards))
        line = LogisticRegression(C=np.inf).fit(odds, labels, sample_weight=np.concatenate([target, 1 - target]))
        return cls(float(line.coef_[0, 0]), float(line.intercept_[0]))

    def __call__(self, scores: _Floats) -> _Floats:
        """The calibrated probabilities, shape (n,)."""
        probabilities: _Floats = 1 / (1 + np.exp(-(self.slope * _log_odds(scores) + self.intercept)))
        return probabilities


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A fitted classifier whose probabilities go through a sigmoid."""

    estimator: BaseEstimator
    sigmoid: Sigmoid

    def predict_proba(self, rows: npt.NDArray[np.float32]) -> _Floats:
        """The probabilities of 0 and 1, shape (n, 2)."""
        ones = self.sigmoid(self.estimator.predict_proba(rows)[:, 1])
        return np.column_stack([1 - ones, ones])


def calibrate(scores: _Floats, rewards: _Floats) -> Calibration:
    """A sigmoid when it has the lower log loss on the newest third of these rows, fitted on the rest; else none.

    Isotonic regression was measured and is left out. On digits, breast cancer and Open Bandit rows it was better than
    the sigmoid by 0.0006 nats at most and worse by up to 0.07. Its steps are as steep as they like, so that scores of
    32 bits, 1e-7 apart, come out 4e-5 apart; skl2onnx takes the nearest step instead of the line between two (a tenth
    of the rows differ, by up to 0.05), and converts no calibrated forest at all.

    Args:
        scores: probabilities that a model gave to rows newer than those that it was fitted on, in the order of time.
        rewards: shape (n,), 0 or 1.
    """
    older = len(scores) * 2 // 3
    before, judged = scores[older:], rewards[older:]
    tried = Sigmoid.fitted(scores[:older], rewards[:older])
    after = tried(before)
    losses = [float(log_loss(judged, some, labels=[0, 1])) for some in (before, after)]
    shipped = Sigmoid.fitted(scores, rewards)
    keeps_order = tried.slope > 0 and shipped.slope > 0
    taken = keeps_order and losses[1] < losses[0]
    return Calibration(
        "sigmoid" if taken else "none",
        shipped.slope if taken else 1.0,
        shipped.intercept if taken else 0.0,
        len(scores) if taken else 0,
        len(judged),
        *losses,
        *(calibration_error(judged, some, bins_of(some, BINS)) for some in (before, after)),
    )


def loss_after_sigmoid(scores: _Floats, rewards: _Floats) -> float:
    """The log loss that is left when a sigmoid has put the probabilities right: what no calibration can mend."""
    return float(log_loss(rewards, Sigmoid.fitted(scores, rewards)(scores), labels=[0, 1]))


def calibrated_log_loss(estimator: BaseEstimator, rows: npt.NDArray[np.float32], rewards: _Floats) -> float:
    """Minus the log loss after a sigmoid, as a scorer of scikit-learn.

    By the plain log loss a forest of few, sure trees wins over one that ranks better and is only shy.
    """
    return -loss_after_sigmoid(estimator.predict_proba(rows)[:, 1], rewards)


def _log_odds(scores: _Floats) -> _Floats:
    of_zero, of_one = FLOORS
    return np.log(scores + of_one) - np.log(1 - scores + of_zero)
