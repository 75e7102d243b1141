"""Experiments: people split between variants, each with a policy or a prompt version."""

import math
from typing import Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from oo.events.json_types import Identifier
from oo.experiments.chance import chance
from oo.experiments.policies import PolicySpec

_TOLERANCE = 1e-9


class Side(BaseModel):
    """One side of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier
    share: float = Field(gt=0, le=1)
    """The planned share of the people."""


class Variant(Side):
    """A side with a policy."""

    policy: PolicySpec
    """What chooses for them."""


class PromptVariant(Side):
    """A side with a prompt."""

    prompt_version: Identifier
    """What their tips are written with."""


S = TypeVar("S", bound=Side)


class Experiment(BaseModel, Generic[S]):
    """Variants whose shares sum to 1. The name is the salt: another experiment splits the same people anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Identifier
    variants: tuple[S, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _splits_everybody_once(self) -> Self:
        names = [variant.name for variant in self.variants]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"experiment {self.name!r} declares a variant twice: {', '.join(sorted(twice))}")
        total = math.fsum(variant.share for variant in self.variants)
        if abs(total - 1) > _TOLERANCE:
            raise ValueError(
                f"the shares of experiment {self.name!r} sum to {total:g}; give its variants shares with sum 1"
            )
        return self


def assign(experiment: Experiment[S], tenant: str, user: str) -> S:
    """The person's variant: the same on every request, as long as name, order and shares of the variants stay.

    It is independent of other experiments and of the draw of any decision.

    >>> from oo.experiments.uniform import Uniform
    >>> sides = [Variant(name=name, share=0.5, policy=Uniform(version="1")) for name in ("a", "b")]
    >>> assign(Experiment[Variant](name="greeting", variants=sides), "example", "u1").name
    'a'
    """
    u = chance("assignment", experiment.name, tenant, user)
    reached = 0.0
    for variant in experiment.variants:
        reached += variant.share
        if u < reached:
            return variant
    # Rounding left the sum just below u.
    return experiment.variants[-1]
