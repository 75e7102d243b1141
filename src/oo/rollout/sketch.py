"""Quantiles of a stream of times, in memory that does not grow with it."""

import math
from collections import Counter
from statistics import NormalDist

from oo.experiments.interval import Interval

_GROWTH = math.log(1.02)
_SHORTEST = 1e-6


class Sketch:
    """Counts times in bins that grow by 2 %, so that a quantile is within 1 % of the exact one.

    Source: Masson, Rim and Lee, *DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees*,
    VLDB 2019.

    >>> sketch = Sketch()
    >>> for milliseconds in range(1, 1_001):
    ...     sketch.add(milliseconds / 1_000)
    >>> round(sketch.quantile(0.5), 2)
    0.5
    """

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.n = 0

    def add(self, seconds: float) -> None:
        """Count a time; what is under a microsecond counts as one."""
        self._bins[round(math.log(max(seconds, _SHORTEST)) / _GROWTH)] += 1
        self.n += 1

    def quantile(self, q: float) -> float:
        """The time, in seconds, that a share `q` of the times does not exceed; NaN when there are none."""
        return self._at(math.ceil(q * self.n)) if self.n else math.nan

    def interval(self, q: float, confidence: float) -> Interval:
        """The interval of the quantile, whatever the times' distribution; open (0, inf) where they are too few.

        Source: Conover, *Practical nonparametric statistics*, 3rd edition, 1999, section 3.2, for large samples.
        """
        half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(self.n * q * (1 - q))
        low, high = math.floor(self.n * q - half), math.ceil(self.n * q + half) + 1
        return Interval(self._at(low) if low >= 1 else 0.0, self._at(high) if high <= self.n else math.inf)

    def _at(self, rank: int) -> float:
        seen = 0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= rank:
                return math.exp(place * _GROWTH)
        raise AssertionError(f"rank {rank} of {self.n}")
