"""Confidence intervals."""

import math
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """The score interval of a rate: inside [0, 1], usable for small n and for rates near 0 and 1; (0, 1) for n = 0.

    Args:
        successes: the sum of n rewards, each 0 or 1.
        n: the number of trials, or how many they are worth.
        confidence: the share of such intervals that hold the true rate, 0 to 1, both excluded.

    Raises:
        ValueError: there are fewer than 0 or more than n successes.

    Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22, 1927; recommended
    by Brown, Cai and DasGupta, *Interval estimation for a binomial proportion*, Statistical Science 16, 2001.

    >>> low, high = wilson(46, 10_000)
    >>> f"{low:.2%} to {high:.2%}"
    '0.35% to 0.61%'
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials; count each trial once")
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = successes / n
    scale = 1 + z**2 / n
    centre = (rate + z**2 / (2 * n)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
