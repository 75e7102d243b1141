"""One thing that was looked at, and what it speaks for."""

import math
from dataclasses import dataclass
from enum import IntEnum

from oo.experiments.interval import Interval
from oo.rollout.comparison import Rates, Times
from oo.rollout.value import Value


class Speaks(IntEnum):
    """For what a finding speaks. Of several the highest decides."""

    GO_ON = 0
    HOLD = 1
    ROLL_BACK = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in a sentence."""

    speaks: Speaks
    sentence: str


def hold(sentence: str) -> Finding:
    """What stands in the way for now."""
    return Finding(Speaks.HOLD, sentence)


def at_least(found: int, wanted: int, of: str) -> Finding:
    """Enough of something, or wait for more."""
    enough = found >= wanted
    return Finding(
        Speaks.GO_ON if enough else Speaks.HOLD,
        f"{found} {of} of at least {wanted}{'' if enough else ': wait for more'}.",
    )


def errors(rates: Rates, margin: float, share: float) -> Finding:
    """Whether more of the candidate's answers are degraded."""
    return _cost(
        rates.difference,
        margin,
        share,
        f"{rates.candidate_rate:.2%} of the candidate's {rates.candidate_of} answers are degraded, "
        f"{rates.stable_rate:.2%} of stable's {rates.stable_of}; the difference is {_points(rates.difference)}",
    )


def latency(name: str, times: Times, limit: float, unnoticed: float, share: float) -> Finding:
    """Whether the candidate takes too long: `limit` times as long, and `unnoticed` seconds longer."""
    low, high = times.ratio
    if times.stable_seconds:
        limit = max(limit, 1 + unnoticed / times.stable_seconds)
    said = (
        f"The candidate's {name} latency is {times.candidate_seconds * 1e3:.2f} ms, stable's "
        f"{times.stable_seconds * 1e3:.2f} ms; the ratio is {low:.2f} to {high:.2f}"
    )
    return _cost(Interval(low - 1, high - 1), limit - 1, share, said)


def rewards(rates: Rates, margin: float, share: float) -> Finding:
    """Whether the candidate earns less. Below stable beyond chance is worse, within the margin too."""
    said = (
        f"The candidate earns {rates.candidate_rate:.2%} over {rates.candidate_of} exposures, stable "
        f"{rates.stable_rate:.2%} over {rates.stable_of}; the difference is {_points(rates.difference)}"
    )
    low, high = rates.difference
    if high < 0:
        return Finding(Speaks.ROLL_BACK, f"{said}: it earns less.")
    allowed = margin * rates.stable_rate
    if not rates.stable:
        return hold(f"{said}: stable has earned nothing to compare with.")
    if -low * share <= allowed:
        return Finding(Speaks.GO_ON, f"{said}: the next step cannot cost more than {margin:.0%} of all rewards.")
    return hold(f"{said}: inconclusive, the next step might cost more than {margin:.0%} of all rewards.")


def value(found: Value | None, wanted: int) -> Finding:
    """Whether a replayed policy would have earned less, as far as the logged choices tell."""
    if found is None:
        return hold("Nothing was earned yet by choices that the candidate might have made; wait for more.")
    low, high = found.candidate_interval
    said = (
        f"The candidate would have earned {found.candidate:.2%} ({low:.2%} to {high:.2%}), stable earned "
        f"{found.logged:.2%} over {found.exposures} exposures, which say as much as {found.effective:.0f} of its own"
    )
    if found.effective < wanted:
        return hold(f"{said}, of at least {wanted}: wait for more.")
    if high < found.logged_interval.low:
        return Finding(Speaks.ROLL_BACK, f"{said}: it would earn less.")
    return Finding(Speaks.GO_ON, f"{said}.")


def _cost(excess: Interval, margin: float, share: float, said: str) -> Finding:
    """Judge what may cost `margin` at the most, over all traffic, when the candidate has this share of it."""
    if excess.low > margin:
        return Finding(Speaks.ROLL_BACK, f"{said}: beyond the limit of {margin:.3g} more, and beyond chance.")
    if math.isfinite(excess.high) and excess.high * share <= margin:
        return Finding(Speaks.GO_ON, f"{said}: within the limit at {share:.0%} of the traffic.")
    return hold(f"{said}: inconclusive, it might be beyond the limit at {share:.0%} of the traffic.")


def _points(difference: Interval) -> str:
    return f"{difference.low:+.2%} to {difference.high:+.2%}"
