"""What another policy would have earned, from decisions that were logged with their propensities."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oo.errors import OffPolicyRefused
from oo.experiments.interval import Interval

_Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The percentile bootstrap over decisions, which are taken as independent.

    Source: Efron and Tibshirani, *An introduction to the bootstrap*, 1993, chapter 13.
    """

    rng: np.random.Generator
    confidence: float = 0.95
    resamples: int = 2_000

    def interval(self, numerator: _Rows, denominator: _Rows) -> Interval:
        """Of the ratio of the sums of both rows, shape (n,); resamples without any denominator are left out."""
        n = len(numerator)
        ratios = np.full(self.resamples, np.nan)
        for resample in range(self.resamples):
            rows = self.rng.integers(n, size=n)
            if total := denominator[rows].sum():
                ratios[resample] = numerator[rows].sum() / total
        low, high = np.nanquantile(ratios, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean reward that the target policy would have earned, and how far the log can be trusted to say so."""

    value: float
    interval: Interval
    effective_sample_size: float
    """The number of equally weighted decisions that would say as much, at most n (Kish, *Survey sampling*, 1965)."""
    mean_weight: float
    """Near 1 when the logged propensities are true and cover the target policy."""
    largest_weight: float
    """The most that a single decision counts, where one of the target policy's own log counts 1."""


def ips(
    reward: npt.ArrayLike, logged_propensity: npt.ArrayLike, target_probability: npt.ArrayLike, bootstrap: Bootstrap
) -> Estimate:
    """The target policy's mean reward by inverse propensity: unbiased, of high variance where the policies differ.

    Args:
        reward: of each logged decision, shape (n,).
        logged_propensity: the probability with which its arm was chosen, above 0 and at most 1, shape (n,).
        target_probability: the target policy's probability of that arm, 0 to 1, shape (n,).
        bootstrap: gives the interval.

    Raises:
        OffPolicyRefused: a value is missing or impossible; a propensity has no default.

    Source: Horvitz and Thompson, *A generalization of sampling without replacement from a finite universe*, JASA 47,
    1952.

    >>> shown, earned = np.array([0, 1, 0, 1]), [0, 1, 0, 1]
    >>> always_1 = np.where(shown == 1, 1.0, 0.0)
    >>> ips(earned, [0.5, 0.5, 0.5, 0.5], always_1, Bootstrap(np.random.default_rng(0))).value
    1.0
    """
    rewards, weights = _weighted(reward, logged_propensity, target_probability)
    return _estimate(rewards * weights, np.ones_like(weights), weights, bootstrap)


def snips(
    reward: npt.ArrayLike, logged_propensity: npt.ArrayLike, target_probability: npt.ArrayLike, bootstrap: Bootstrap
) -> Estimate:
    """The same by self-normalised inverse propensity: a weighted mean of rewards, slightly biased, of less variance.

    Arguments and errors as for `ips`; a log in which the target policy would have made no choice at all is refused too.

    Source: Swaminathan and Joachims, *The self-normalized estimator for counterfactual learning*, NIPS 2015.
    """
    rewards, weights = _weighted(reward, logged_propensity, target_probability)
    if not weights.any():
        raise OffPolicyRefused(
            "the target policy would have made none of the logged choices; log with more exploration"
        )
    return _estimate(rewards * weights, weights, weights, bootstrap)


def _weighted(
    reward: npt.ArrayLike, logged_propensity: npt.ArrayLike, target_probability: npt.ArrayLike
) -> tuple[_Rows, _Rows]:
    """Rewards and importance weights, shape (n,) each."""
    rewards, logged, target = (
        np.asarray(rows, dtype=np.float64) for rows in (reward, logged_propensity, target_probability)
    )
    if rewards.ndim != 1 or not rewards.size or not rewards.shape == logged.shape == target.shape:
        raise OffPolicyRefused(
            "rewards, propensities and target probabilities must be three rows of one length above 0, not of shapes"
            f" {rewards.shape}, {logged.shape}, {target.shape}"
        )
    # Comparisons with NaN are false, so a missing value is refused with the impossible ones.
    _refuse("reward", "a number", ~np.isfinite(rewards))
    _refuse("logged propensity", "above 0 and at most 1", ~((logged > 0) & (logged <= 1)))
    _refuse("target probability", "0 to 1", ~((target >= 0) & (target <= 1)))
    return rewards, target / logged


def _refuse(name: str, expected: str, broken: npt.NDArray[np.bool_]) -> None:
    if broken.any():
        raise OffPolicyRefused(
            f"the {name} of {broken.sum()} of {broken.size} decisions is not {expected}, first in row"
            f" {broken.argmax()}; leave these decisions out and count them, there is no default"
        )


def _estimate(numerator: _Rows, denominator: _Rows, weights: _Rows, bootstrap: Bootstrap) -> Estimate:
    squares = (weights**2).sum()
    return Estimate(
        value=float(numerator.sum() / denominator.sum()),
        interval=bootstrap.interval(numerator, denominator),
        effective_sample_size=float(weights.sum() ** 2 / squares) if squares else 0.0,
        mean_weight=float(weights.mean()),
        largest_weight=float(weights.max()),
    )
