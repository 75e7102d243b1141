"""The facts of a card, which no person writes. Their JSON Schema is `model_cards/facts.schema.json`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

Sentence = Annotated[str, Field(min_length=1)]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Check(_Facts):
    """What a gate said, or another check of the version."""

    name: str
    passed: bool
    sentence: Sentence
    figures: Mapping[str, float | None] = {}
    """Its numbers by name; `low` and `high` are the ends of an interval. Null for one that cannot be told."""


class Step(_Facts):
    """A transition of the version."""

    at: str
    """ISO 8601."""
    stage: str
    percent: int
    who: str
    why: str
    evidence: str | None
    """SHA-256 of the evidence bundle."""


class ModelFacts(_Facts):
    """Of one version of a model."""

    kind: Literal["model"] = "model"
    name: str
    version: int
    digest: str
    """SHA-256 of the ONNX file."""
    feature_service: str
    feature_digest: str
    inputs: tuple[str, ...]
    """The columns that it reads."""
    dataset: Mapping[str, JsonValue]
    """The manifest of its rows: enough to build them again."""
    fit: Mapping[str, JsonValue]
    """How it was searched, fitted, calibrated and exported."""
    checks: Annotated[tuple[Check, ...], Field(min_length=1)]
    """What each gate said, those of fairness among them."""
    rollout: tuple[Step, ...] = ()


class Used(_Facts):
    """Who uses it, with which parameters."""

    tenant: str
    version: str
    parameters: Mapping[str, JsonValue]


class PolicyFacts(_Facts):
    """Of a policy."""

    kind: Literal["policy"] = "policy"
    name: str
    does: Sentence
    parameters: Mapping[str, JsonValue]
    """The JSON Schema of each."""
    needs_scores: bool
    needs_state: bool
    used: tuple[Used, ...]


class PromptFacts(_Facts):
    """Of one prompt version."""

    version: str
    owner: str
    released_on: str
    hash: str
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    variables: tuple[str, ...]
    """What it tells the language model of a person."""
    parameters: Mapping[str, JsonValue]
    retired: bool


class GeneratorFacts(_Facts):
    """Of the generator, by prompt version."""

    kind: Literal["generator"] = "generator"
    name: str
    guardrails: Mapping[str, str]
    """Who owns the rules of each fault."""
    prompts: Annotated[tuple[PromptFacts, ...], Field(min_length=1)]


Facts = Annotated[ModelFacts | PolicyFacts | GeneratorFacts, Field(discriminator="kind")]
FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)


def schema() -> dict[str, Any]:
    """The JSON Schema of the facts."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Facts", **FACTS.json_schema()}
