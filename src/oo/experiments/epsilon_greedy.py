from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from oo.errors import InvalidArms
from oo.experiments.policy import Arms, Policy, Probabilities
from oo.experiments.policy_state import PolicyState


class EpsilonGreedy(Policy):
    """The best score, except for a share of the choices that goes to all arms alike.

    Arms that tie for the best score share its part equally, so a model that scores all arms the same, as an untrained
    one does, makes this the uniform policy. With `epsilon: 0` the arms that are not the best are never tried, and
    nothing can be learned about them from such a log.

    >>> import numpy as np
    >>> arms = Arms(("walk", "nap", "read", "call"), scores=np.array([0.1, 0.4, 0.2, 0.4]))
    >>> EpsilonGreedy(version="1", epsilon=0.2).probabilities(arms, state={}).round(3).tolist()
    [0.05, 0.45, 0.05, 0.45]

    Source: Sutton and Barto, *Reinforcement Learning: An Introduction*, 2nd edition, 2018, section 2.2.
    """

    needs_scores: ClassVar = True
    needs_state: ClassVar = False

    name: Literal["epsilon_greedy"] = "epsilon_greedy"
    epsilon: float = Field(ge=0, le=1)
    """The share of the choices that looks at no score, 0 to 1."""

    def probabilities(self, arms: Arms, state: PolicyState) -> Probabilities:  # noqa: ARG002  the state is every policy's
        """Epsilon over all arms, the rest over those with the best score.

        Raises:
            InvalidArms: the arms carry no scores.
        """
        if arms.scores is None:
            raise InvalidArms("epsilon_greedy needs a score for each arm; ask the model first")
        best = arms.scores == arms.scores.max()
        return np.where(best, (1 - self.epsilon) / best.sum(), 0.0) + self.epsilon / len(arms)
