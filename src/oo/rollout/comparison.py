"""Stable against candidate, each figure with its interval."""

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from oo.experiments.interval import Interval, wilson
from oo.rollout.sketch import Sketch

Count = Annotated[int, Field(ge=0)]


class Report(BaseModel):
    """A finding as a file: equal ones are equal bytes, and what has no bound is written out."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Rates(Report):
    """A share of each side, and by how much the candidate's is larger."""

    stable: Count
    stable_of: Count
    candidate: Count
    candidate_of: Count
    difference: Interval
    """Of candidate less stable; (-1, 1) while nothing is known."""

    @classmethod
    def of(cls, stable: tuple[int, int], candidate: tuple[int, int], confidence: float) -> "Rates":
        """Compare successes of trials on both sides.

        The interval takes them for independent. That is cautious where both sides answered the same requests.

        Source: Newcombe, *Interval estimation for the difference between independent proportions: comparison of eleven
        methods*, Statistics in Medicine 17, 1998, method 10.
        """
        difference = Interval(-1.0, 1.0)
        if stable[1] and candidate[1]:
            one, other = stable[0] / stable[1], candidate[0] / candidate[1]
            (low, high), (other_low, other_high) = wilson(*stable, confidence), wilson(*candidate, confidence)
            gap = other - one
            difference = Interval(
                gap - math.hypot(other - other_low, high - one), gap + math.hypot(other_high - other, one - low)
            )
        return cls(
            stable=stable[0],
            stable_of=stable[1],
            candidate=candidate[0],
            candidate_of=candidate[1],
            difference=difference,
        )

    @property
    def stable_rate(self) -> float:
        """Stable's share, 0 when it was never tried."""
        return self.stable / self.stable_of if self.stable_of else 0.0

    @property
    def candidate_rate(self) -> float:
        """The candidate's share, 0 when it was never tried."""
        return self.candidate / self.candidate_of if self.candidate_of else 0.0


class Times(Report):
    """A quantile of both sides' latencies, and how many times as long the candidate takes."""

    stable_seconds: float
    candidate_seconds: float
    ratio: Interval
    """Cautious: of the ends of both sides' intervals. (0, inf) while nothing is known."""

    @classmethod
    def of(cls, stable: Sketch, candidate: Sketch, q: float, confidence: float) -> "Times":
        """Compare the quantile `q` of both sides."""
        each = (1 + confidence) / 2  # both hold together with `confidence`
        ratio = Interval(0.0, math.inf)
        if stable.n and candidate.n:
            (low, high), (other_low, other_high) = stable.interval(q, each), candidate.interval(q, each)
            ratio = Interval(other_low / high, other_high / low if low else math.inf)
        return cls(stable_seconds=stable.quantile(q), candidate_seconds=candidate.quantile(q), ratio=ratio)
