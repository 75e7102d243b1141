"""Log loss, and how much less of it one model has than another on the same rows."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from oo.training.gates.gate import Scores
from oo.training.verdict import GateResult

# A loss has no bound: one row scored 0 that earned 1 would decide alone. A model may be this sure, no surer.
_SUREST = 1e-6
_FEWEST = 2


def log_losses(rewards: Scores, scores: Scores) -> Scores:
    """The log loss of each row in nats, shape (n,); NaN for a score that is none.

    Args:
        rewards: shape (n,), 0 or 1.
        scores: the probability of a reward, shape (n,).
    """
    sure = np.clip(scores, _SUREST, 1 - _SUREST)
    losses: Scores = -np.log(np.where(rewards == 1, sure, 1 - sure))
    return losses


class Gain(NamedTuple):
    """How much lower the challenger's mean log loss is than another's."""

    challenger: float
    other: float
    mean: float
    low: float
    high: float
    p_worse: float
    """How likely a gain this low is, when the challenger is in truth no worse: small when it is."""


def gain_of(rewards: Scores, challenger: Scores, other: Scores, confidence: float) -> Gain | None:
    """The gain with its normal interval; None for fewer rows than a deviation needs.

    Both score the same rows, so what is hard about a row cancels out.
    """
    if len(rewards) < _FEWEST:
        return None
    own, others = log_losses(rewards, challenger), log_losses(rewards, other)
    gains = others - own
    mean, error = float(gains.mean()), float(gains.std(ddof=1)) / math.sqrt(len(gains))
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    p_worse = NormalDist().cdf(mean / error) if error > 0 else float(mean >= 0)
    return Gain(float(own.mean()), float(others.mean()), mean, mean - half, mean + half, p_worse)


def compared(name: str, gain: Gain | None, other: str, confidence: float) -> GateResult:
    """Pass a gain whose whole interval lies above 0; one around 0 is inconclusive, which is a no."""
    if gain is None:
        return GateResult(name, passed=False, sentence=f"There is no holdout to compare with {other} on.")
    verdict = "it is better" if gain.low > 0 else "it is worse" if gain.high < 0 else "that is inconclusive"
    return GateResult(
        name,
        gain.low > 0,
        f"On the holdout the challenger's log loss is {gain.challenger:.4f}, that of {other} {gain.other:.4f}. "
        f"The gain is {gain.mean:.4f} ({confidence:.0%} interval {gain.low:.4f} to {gain.high:.4f}): {verdict}.",
        {"gain": gain.mean, "low": gain.low, "high": gain.high},
    )
