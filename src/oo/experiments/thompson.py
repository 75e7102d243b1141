"""Thompson sampling whose propensities are computed, not sampled."""

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from oo.experiments.policy import Arms, Policy, Probabilities
from oo.experiments.policy_state import NEVER_SHOWN, PolicyState

_CELLS = 256
"""The cells of the quadrature: more cost time on every request, of which 50 arms take about half a millisecond with
these; fewer lose the third decimal."""
_BELOW, _ABOVE = 4, 8
"""How far from its mean an arm's rate is looked for, in standard deviations."""
_HIGHEST = 1 - 1e-12
"""The end of the grid, short of 1, since the middle of the last cell must not round to 1: its density has no value."""


class Thompson(Policy):
    """Each arm with the probability that it is the best one, as far as its rewards can tell.

    Rewards are Bernoulli, the prior of each arm's reward rate is Beta(1, 1). The usual way samples one rate an arm and
    takes the largest, which leaves the propensity of the choice unknown. Here the probability that each arm is the best
    is integrated numerically, so that the draw is made from the very numbers that are logged. They agree with the exact
    integral within 0.01 for up to 50 arms, mostly within 0.0001, and within 0.1 for 1,000.

    A share `floor` goes to all arms alike. No arm's probability falls below floor / n, so a policy that is valued later
    from this log has no weight above n / floor.

    >>> from oo.experiments.policy_state import ArmStats
    >>> state = {"walk": ArmStats(100, 12), "nap": ArmStats(100, 10), "read": ArmStats(100, 2)}
    >>> arms = Arms(("walk", "nap", "read", "never shown"))
    >>> Thompson(version="1").probabilities(arms, state).round(2).tolist()
    [0.1, 0.05, 0.0, 0.86]

    Source: Thompson, *On the likelihood that one unknown probability exceeds another in view of the evidence of two
    samples*, Biometrika 25, 1933; Chapelle and Li, *An empirical evaluation of Thompson sampling*, NIPS 2011.
    """

    needs_scores: ClassVar = False
    needs_state: ClassVar = True

    name: Literal["thompson"] = "thompson"
    floor: float = Field(default=0.01, gt=0, le=1)
    """The share of the choices that goes to all arms alike."""

    def probabilities(self, arms: Arms, state: PolicyState) -> Probabilities:
        """The probability that each arm is the best, mixed with the floor."""
        stats = np.array([state.get(tip_id, NEVER_SHOWN) for tip_id in arms.tip_ids], dtype=np.float64)
        exposures, rewards = stats.T
        return (1 - self.floor) * _best(1 + rewards, 1 + exposures - rewards) + self.floor / len(arms)


def _best(alpha: npt.NDArray[np.float64], beta: npt.NDArray[np.float64]) -> Probabilities:
    """The probability that each of n independent Beta rates is the largest, shape (n,)."""
    mean = alpha / (alpha + beta)
    deviation = np.sqrt(mean * (1 - mean) / (alpha + beta + 1))
    # In one order of the arms whatever the caller's, since sums of floats are not the same in another.
    order = np.lexsort((beta, alpha))
    # An arm that ends where another begins is not the best one.
    order = order[(mean + _ABOVE * deviation >= (mean - _BELOW * deviation).max())[order]]

    edges = _grid(mean[order], deviation[order])
    middle = (edges[1:] + edges[:-1]) / 2
    log_density = np.outer(alpha[order] - 1, np.log(middle)) + np.outer(beta[order] - 1, np.log1p(-middle))
    log_density -= log_density.max(axis=1, keepdims=True)
    mass = np.exp(log_density) * np.diff(edges)
    mass /= mass.sum(axis=1, keepdims=True)

    below = np.cumsum(mass, axis=1) - mass / 2
    all_below = below.prod(axis=0)
    best = np.divide(mass * all_below, below, out=np.zeros_like(mass), where=below > 0).sum(axis=1)

    probabilities = np.zeros(len(mean))
    probabilities[order] = best / best.sum()
    return probabilities


def _grid(mean: npt.NDArray[np.float64], deviation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges of at most `_CELLS` cells over [0, 1), dense where the largest rate is likely.

    Each arm brings points around its mean in its own standard deviations, so an arm with a million exposures is
    resolved beside one with none; further out above than below, since the tails above decide which arm is the best.
    Points that crowd at 0 and 1 serve rare rewards, and the largest of many rates that nobody knows yet.
    """
    steps = np.linspace(-_BELOW, _ABOVE, max(13, _CELLS // len(mean)))
    around = mean + np.outer(steps, deviation)
    everywhere = (1 - np.cos(np.linspace(0, np.pi, _CELLS // 4 + 1))) / 2
    points = np.unique(np.concatenate([everywhere, around.ravel()]).clip(0, _HIGHEST))
    if len(points) <= _CELLS + 1:
        return points
    return points[np.linspace(0, len(points) - 1, _CELLS + 1).astype(np.intp)]
