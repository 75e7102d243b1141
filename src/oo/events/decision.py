"""Mirror of decision.proto: the record that every later step reads."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from oo.events.json_types import ElapsedTime, Identifier, ProtoStruct, ProtoUint32, ProtoUint64
from oo.events.message import Message

Probability = Annotated[float, Field(ge=0, le=1)]


class ServingRole(StrEnum):
    """What the deployment that answered is to traffic."""

    UNSPECIFIED = "SERVING_ROLE_UNSPECIFIED"
    STABLE = "SERVING_ROLE_STABLE"
    CANARY = "SERVING_ROLE_CANARY"
    SHADOW = "SERVING_ROLE_SHADOW"


class Candidate(Message):
    """A tip that might have been chosen, as the caller sent it."""

    tip_id: Identifier
    features: ProtoStruct | None = None


class RankedArm(Message):
    """An arm with the score and the probability that it was chosen, or not chosen, by."""

    tip_id: Identifier
    score: float | None = None
    probability: Probability = 0.0


class Versioned(Message):
    """A policy at one version of its parameters."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)


class ModelUsed(Message):
    """The registered model that scored, or the language model that wrote."""

    name: str = Field(min_length=1)
    version: str = ""
    digest: str = ""


class ExperimentArm(Message):
    """The variant of an experiment that the person was assigned to."""

    name: str = Field(min_length=1)
    variant: str = Field(min_length=1)


class Decided(Message):
    """What the records of both services share."""

    decision_id: Identifier
    serving_role: ServingRole
    profile_features: ProtoStruct | None = None
    signal_features: ProtoStruct | None = None
    tip_id: Identifier
    degraded: tuple[str, ...] = ()
    latency: ElapsedTime | None = None

    @field_validator("serving_role")
    @classmethod
    def _is_specified(cls, role: ServingRole) -> ServingRole:
        if role is ServingRole.UNSPECIFIED:
            raise ValueError("a decision says which deployment answered")
        return role


class ScoreDecided(Decided):
    """One answered /score: all that is needed to replay the choice to the bit."""

    candidates: tuple[Candidate, ...] = Field(min_length=1)
    context: ProtoStruct | None = None
    signal_sequence: ProtoUint64 = 0
    ranking: tuple[RankedArm, ...] = Field(min_length=1)
    propensity: Annotated[float, Field(gt=0, le=1)]
    policy: Versioned
    policy_state: ProtoStruct | None = None
    model: ModelUsed | None = None
    feature_service: str = Field(min_length=1)
    experiment: ExperimentArm | None = None


class GenerateDecided(Decided):
    """One answered /generate."""

    prompt_version: str = Field(min_length=1)
    prompt_hash: str = Field(min_length=1)
    title: str = Field(min_length=1)
    body: str = Field(min_length=1)
    model: ModelUsed | None = None
    prompt_tokens: ProtoUint32 = 0
    completion_tokens: ProtoUint32 = 0
    cost_usd: float | None = None
