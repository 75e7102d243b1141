"""The first question to an experiment: did the people split as planned?"""

import math
from collections.abc import Mapping


def sample_ratio_p_value(observed: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """The probability of a split at least this far from the plan, were the assignment sound.

    Below 0.001 the experiment is not to be read: people are lost or counted twice on some side, and its means compare
    different people. Counts are of people, not of their decisions, which are not independent.

    Args:
        observed: the people seen of each variant; a variant that is absent was never seen.
        shares: the planned share of each variant, above 0, with sum 1.

    Raises:
        ValueError: nobody was seen, or a variant that the plan does not have.

    Source: Fabijan et al., *Diagnosing sample ratio mismatch in online controlled experiments*, KDD 2019.

    >>> round(sample_ratio_p_value({"control": 5_080, "treatment": 4_920}, {"control": 0.5, "treatment": 0.5}), 3)
    0.11
    >>> sample_ratio_p_value({"control": 5_200, "treatment": 4_800}, {"control": 0.5, "treatment": 0.5}) < 0.001
    True
    """
    if unplanned := observed.keys() - shares.keys():
        raise ValueError(f"variants outside of the plan: {', '.join(sorted(unplanned))}; give each its share")
    n = sum(observed.values())
    if n == 0:
        raise ValueError("nobody was seen in any variant; wait for the first decisions")
    statistic = sum((observed.get(name, 0) - n * share) ** 2 / (n * share) for name, share in shares.items())
    return _chi_square_tail(statistic, degrees=len(shares) - 1)


def _chi_square_tail(statistic: float, degrees: int) -> float:
    """The probability that a chi-square variable exceeds the statistic, in closed form.

    Source: Abramowitz and Stegun, *Handbook of mathematical functions*, 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if half == 0:
        return 1.0
    odd = degrees % 2
    tail = math.erfc(math.sqrt(half)) if odd else math.exp(-half)
    for step in range((degrees - 1) // 2):
        power = step + (0.5 if odd else 1)
        tail += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
    return tail
