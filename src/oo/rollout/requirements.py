"""What each step of a rollout asks for."""

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
_Time = Annotated[timedelta, Field(ge=timedelta(0))]


class Requirements(BaseModel):
    """How careful a rollout is. The same machine runs with any of it: a rehearsal shortens times and counts.

    What a canary may cost is asked of the step that comes next: at 1 % little can be shown and little is at stake, so
    a difference that would cost all traffic `x` at its worst may cost the next step's share of it, `share * x`. The
    last step has all of it at stake. A shadow is asked for all of it too: its patience costs nobody anything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    percents: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 5, 10, 25, 50)
    """The canary's shares of the traffic, growing."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.99
    """Of every interval. Each look at a rollout is one more chance to err, so it is above the usual 0.95."""
    settling: _Time = timedelta(minutes=2)
    """How long a step takes to reach the traffic; what was decided before that is no evidence."""
    grace: _Time = timedelta(minutes=1)
    """How long a decision takes to the archive, its shadow's included; what is younger is no evidence yet."""
    oldest_evidence: _Time = timedelta(days=7)
    """Evidence that is older does not count: people, tips and callers have moved on."""

    shadow_hold: _Time = timedelta(days=1)
    """At least so long a version is a shadow: a day has all hours."""
    pairs: Annotated[int, Field(ge=1)] = 1_000
    """At least so many decisions of stable and shadow on one request."""
    coverage: Share = 0.95
    """The share of stable decisions that the shadow must have answered too, asked before anything else."""
    agreement: Share = 0.0
    """The share of pairs with one best arm. A better model differs, so by default it is only told."""
    rank_correlation: Annotated[float, Field(ge=-1, le=1)] = -0.25
    """The mean rank correlation of the arms' scores. Below it a model has learned the opposite: one whose rewards were
    turned around came to -0.37 on digits."""

    canary_hold: _Time = timedelta(hours=12)
    """At least so long each canary step takes. Rewards need their window besides."""
    longest_canary_hold: _Time = timedelta(days=3)
    """A canary step that has not ended by then is rolled back: nobody looks, or nothing can be shown."""
    decisions: Annotated[int, Field(ge=1)] = 200
    """At least so many of the canary's decisions a step, and of the stable ones."""
    exposures: Annotated[int, Field(ge=1)] = 200
    """At least so many of the canary's exposures with a closed window a step, and of the stable ones."""
    sample_ratio_alarm: Share = 0.001
    """A split that is less likely than this under the planned percent is an alarm, and nothing can be read from it."""

    reward_margin: Share = 0.1
    """What the candidate may earn less, as a share of what stable earns. One that earns less beyond chance is worse."""
    error_margin: Share = 0.01
    """How much larger its share of degraded answers may be."""
    latency_p50_ratio: Annotated[float, Field(ge=1)] = 1.5
    """How many times as long the median answer may take."""
    latency_p95_ratio: Annotated[float, Field(ge=1)] = 2.0
    """How many times as long the slowest twentieth may take."""
    latency_unnoticed: _Time = timedelta(milliseconds=1)
    """Longer by no more than this is not late, however many times as long it is: of answers that take half a
    millisecond the ratio tells what else the machine was doing."""

    @model_validator(mode="after")
    def _percents_grow(self) -> Self:
        steps = (0, *self.percents, 100)
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError("percents must grow, from 1 at least to 99 at most")
        return self

    def percent_after(self, percent: int) -> int | None:
        """The next canary step above this percent; None when the champion's place comes next."""
        return next((step for step in self.percents if step > percent), None)
