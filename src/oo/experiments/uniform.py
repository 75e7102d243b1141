from typing import ClassVar, Literal

import numpy as np

from oo.experiments.policy import Arms, Policy, Probabilities
from oo.experiments.policy_state import PolicyState


class Uniform(Policy):
    """Every arm alike: the control of an experiment, and the log from which any other policy can be valued.

    >>> Uniform(version="1").probabilities(Arms(("walk", "nap", "read", "call")), state={}).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    needs_scores: ClassVar = False
    needs_state: ClassVar = False

    name: Literal["uniform"] = "uniform"

    def probabilities(self, arms: Arms, state: PolicyState) -> Probabilities:  # noqa: ARG002  the state is every policy's
        """1/n for each of n arms."""
        return np.full(len(arms), 1 / len(arms))
