"""Mirror of decision.proto: the record that every later step reads."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from oo.events.json_types import (
    ElapsedTime,
    Identifier,
    IdentifierOrEmpty,
    NullIsAbsent,
    ProtoBool,
    ProtoDouble,
    ProtoString,
    ProtoStruct,
    ProtoUint32,
    ProtoUint64,
    Specified,
)
from oo.events.message import Message, Personal

PersonalStruct = Annotated[ProtoStruct | None, Personal]


class ServingRole(StrEnum):
    """What the deployment that answered is to traffic."""

    UNSPECIFIED = "SERVING_ROLE_UNSPECIFIED"
    STABLE = "SERVING_ROLE_STABLE"
    CANARY = "SERVING_ROLE_CANARY"
    SHADOW = "SERVING_ROLE_SHADOW"


class Candidate(Message):
    """A tip that might have been chosen, as the caller sent it."""

    tip_id: Identifier
    features: PersonalStruct = None
    prompt_version: Identifier | None = None


class WrittenTip(Message):
    """A tip as the person may see it."""

    tip_id: Identifier
    title: Annotated[str, Personal] = Field(min_length=1)
    body: Annotated[str, Personal] = Field(min_length=1)
    language: ProtoString = ""
    topic: ProtoString = ""


class RankedArm(Message):
    """An arm with the score and the probability that it was chosen, or not chosen, by."""

    tip_id: Identifier
    score: ProtoDouble | None = None
    probability: Annotated[ProtoDouble, NullIsAbsent, Field(ge=0, le=1)] = 0.0


class Versioned(Message):
    """A policy at one version of its parameters."""

    name: Identifier
    version: Identifier


class ModelUsed(Message):
    """The registered model that scored, or the language model that wrote."""

    name: Identifier
    version: IdentifierOrEmpty = ""
    digest: ProtoString = ""


class ExperimentArm(Message):
    """The variant of an experiment that the person was assigned to."""

    name: Identifier
    variant: Identifier


class Decided(Message):
    """What the records of both services share."""

    decision_id: Identifier
    serving_role: Annotated[ServingRole, Specified]
    profile_features: PersonalStruct = None
    signal_features: PersonalStruct = None
    tip_id: Identifier
    degraded: Annotated[tuple[Identifier, ...], NullIsAbsent] = ()
    latency: ElapsedTime | None = None


class ScoreDecided(Decided):
    """One answered /score: all that is needed to replay the choice to the bit."""

    candidates: tuple[Candidate, ...] = Field(min_length=1)
    context: PersonalStruct = None
    signal_sequence: ProtoUint64 = 0
    ranking: tuple[RankedArm, ...] = Field(min_length=1)
    propensity: Annotated[ProtoDouble, Field(gt=0, le=1)]
    policy: Versioned
    policy_state: ProtoStruct | None = None
    model: ModelUsed | None = None
    feature_service: Identifier
    experiment: ExperimentArm | None = None


class GenerateDecided(Decided):
    """One answered /generate."""

    prompt_version: Identifier
    prompt_hash: str = Field(min_length=1)
    title: Annotated[str, Personal] = Field(min_length=1)
    body: Annotated[str, Personal] = Field(min_length=1)
    model: ModelUsed | None = None
    prompt_tokens: ProtoUint32 = 0
    completion_tokens: ProtoUint32 = 0
    cost_usd: Annotated[ProtoDouble, Field(ge=0)] | None = None
    language: ProtoString = ""
    topic: ProtoString = ""
    alternatives: Annotated[tuple[WrittenTip, ...], NullIsAbsent] = ()
    cached: ProtoBool = False
    repaired: ProtoBool = False
    refusals: Annotated[tuple[Identifier, ...], NullIsAbsent] = ()
    withheld: Annotated[tuple[Identifier, ...], NullIsAbsent] = ()
    experiment: ExperimentArm | None = None
