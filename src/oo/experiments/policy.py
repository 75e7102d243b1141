"""A policy: arms, and what was learned of them, to the probability of choosing each."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from oo.errors import InvalidArms
from oo.experiments.policy_state import PolicyState

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """The tips between which one request chooses.

    Attributes:
        tip_ids: at least one, each once, in any order.
        scores: the model's estimate of each tip's reward, shape (n,), finite; None when no model was asked.

    Raises:
        InvalidArms: there is no tip, a tip twice, or scores that do not fit; says which.
    """

    tip_ids: tuple[str, ...]
    scores: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if not self.tip_ids:
            raise InvalidArms("there is no arm to choose; send at least one candidate")
        if len(set(self.tip_ids)) != len(self.tip_ids):
            twice = sorted({tip_id for tip_id in self.tip_ids if self.tip_ids.count(tip_id) > 1})
            raise InvalidArms(f"tip {twice[0]!r} is an arm twice; send each candidate once")
        if self.scores is None:
            return
        if self.scores.shape != (len(self),):
            raise InvalidArms(f"{len(self)} arms need scores of shape ({len(self)},), not {self.scores.shape}")
        if not np.isfinite(self.scores).all():
            broken = self.tip_ids[int(np.argmin(np.isfinite(self.scores)))]
            raise InvalidArms(f"the score of tip {broken!r} is not a number; check the model and its features")

    def __len__(self) -> int:
        return len(self.tip_ids)


class Policy(BaseModel, ABC):
    """What every policy is: its parameters, declared in a catalog file and frozen, and one method.

    A policy keeps nothing and draws nothing: the same arms and state give the same probabilities, whatever their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs_scores: ClassVar[bool]
    """Whether the arms must carry the model's scores."""
    needs_state: ClassVar[bool]
    """Whether it reads what was learned of the arms; one that does not ignores the state."""

    name: str
    version: str = Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=256)
    """The version of the parameters: what was learned under one is not read by another."""

    @property
    def id(self) -> str:
        """Its name and version, such as `thompson@2`: what a rollout calls it."""
        return f"{self.name}@{self.version}"

    @abstractmethod
    def probabilities(self, arms: Arms, state: PolicyState) -> Probabilities:
        """The probability of choosing each arm, in the order of the arms: float64, shape (n,), with sum 1 within 1e-9.

        Args:
            arms: the tips to choose between.
            state: exposures and rewards by tip id; an absent tip was never shown.

        Raises:
            InvalidArms: the policy needs scores and the arms have none.
        """
