"""The choice itself."""

import math
from collections.abc import Sequence
from uuid import UUID

from oo.errors import InvalidArms
from oo.experiments.chance import chance
from oo.experiments.policy import Probabilities

_TOLERANCE = 1e-9


def draw(decision_id: UUID, tip_ids: Sequence[str], probabilities: Probabilities) -> int:
    """The position of the chosen arm: the decision id alone decides, so a retry or a replay chooses the same tip.

    The arms are walked in the order of their tip ids, so the caller's order does not matter. An arm with probability 0
    is never chosen.

    Args:
        decision_id: seeds the draw.
        tip_ids: n different arms.
        probabilities: of the arms, shape (n,), with sum 1 within 1e-9.

    Raises:
        InvalidArms: the probabilities are not those of n arms; a choice from them would be logged with a wrong
            propensity.

    >>> import numpy as np
    >>> tips, probabilities = ["walk", "nap", "read"], np.array([0.5, 0.3, 0.2])
    >>> tips[draw(UUID("0190b5a2-6c1e-7a53-9d35-0f3a5c9e2b11"), tips, probabilities)]
    'walk'
    """
    weights: list[float] = probabilities.tolist()
    total = math.fsum(weights)
    if len(weights) != len(tip_ids) or not abs(total - 1) <= _TOLERANCE or min(weights) < 0:
        raise InvalidArms(
            f"{len(tip_ids)} arms need as many probabilities, each 0 to 1 and with sum 1, not {len(weights)}"
            f" with sum {total:.9g}; check the policy"
        )
    u = chance("draw", str(decision_id))
    reached = 0.0
    chosen = -1
    for position in sorted(range(len(tip_ids)), key=tip_ids.__getitem__):
        if weights[position] > 0:
            chosen = position
            reached += weights[position]
            if u < reached:
                break
    # Rounding may leave the sum just below u: then it is the last arm that could be chosen.
    return chosen
