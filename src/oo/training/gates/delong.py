"""The area under the ROC curve (AUC): how often a rewarded decision is scored above one that was not.

Source: DeLong, DeLong and Clarke-Pearson, *Comparing the areas under two or more correlated receiver operating
characteristic curves*, Biometrics 44, 1988; by ranks as in Sun and Xu, *Fast implementation of DeLong's algorithm*,
IEEE Signal Processing Letters 21, 2014.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from oo.training.gates.gate import Scores

_FEWEST = 2


class Estimate(NamedTuple):
    """A figure with both ends of its normal interval."""

    value: float
    low: float
    high: float


def auc(rewards: Scores, scores: Scores, confidence: float) -> Estimate | None:
    """The AUC of the scores; 0.5 ranks nothing. None when it cannot be told, as for `auc_gain`."""
    if not _can_be_told(rewards, scores):
        return None
    return _estimate(*_placements(rewards, scores), confidence)


def auc_gain(rewards: Scores, challenger: Scores, other: Scores, confidence: float) -> Estimate | None:
    """How much higher the challenger's AUC is than another's on the same rows, which is why the interval is paired.

    None with fewer than two rows of either reward, or with a score that is none.
    """
    if not _can_be_told(rewards, challenger, other):
        return None
    own, others = _placements(rewards, challenger), _placements(rewards, other)
    return _estimate(own[0] - others[0], own[1] - others[1], confidence)


def _can_be_told(rewards: Scores, *scores: Scores) -> bool:
    rewarded = int((rewards == 1).sum())
    enough = min(rewarded, len(rewards) - rewarded) >= _FEWEST
    return enough and all(bool(np.isfinite(each).all()) for each in scores)


def _placements(rewards: Scores, scores: Scores) -> tuple[Scores, Scores]:
    """For each rewarded row the share of the others below it, and for each other row that of rewarded ones above."""
    above, below = scores[rewards == 1], scores[rewards != 1]
    ranks = _midranks(np.concatenate([above, below]))
    of_rewarded = (ranks[: len(above)] - _midranks(above)) / len(below)
    of_others = 1 - (ranks[len(above) :] - _midranks(below)) / len(above)
    return of_rewarded, of_others


def _midranks(values: Scores) -> Scores:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Scores = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return shared


def _estimate(of_rewarded: Scores, of_others: Scores, confidence: float) -> Estimate:
    value = float(of_rewarded.mean())
    variance = of_rewarded.var(ddof=1) / len(of_rewarded) + of_others.var(ddof=1) / len(of_others)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(variance)
    return Estimate(value, value - half, value + half)
