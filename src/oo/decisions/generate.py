"""One /generate, from the request to the recorded decision. Whatever fails on the way, the person gets a tip."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from oo.catalog import Catalog
from oo.decisions.http import DecisionId, HttpModel, Name, NamedVersion, ProfileFeatures, RequestId
from oo.decisions.identity import decision_id
from oo.decisions.recording import Recorder
from oo.decisions.signals import SignalReader
from oo.errors import (
    GatewayFailed,
    GatewayTimedOut,
    OnlineStoreUnavailable,
    PromptRenderFailed,
    PromptTooLong,
)
from oo.events.decision import GenerateDecided, ModelUsed, ServingRole
from oo.features.context import PromptContext, assemble
from oo.features.families import FAMILY_OF
from oo.features.profile_admission import ProfileAdmission
from oo.features.services import NO_VALUES, Values
from oo.llm.budget import CappedGateway
from oo.llm.gateway import Completion, Message
from oo.llm.guardrails import Limits, faults
from oo.prompts.library import Prompt, PromptLibrary

_log = logging.getLogger(__name__)

PromptVersion = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Topic = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$")]


GenerateShortfall = Literal[
    "online_store",
    "decision_log",
    "timeout",
    "llm_failed",
    "prompt_too_long",
    "prompt",
    "guardrail:not_a_tip",
    "guardrail:title_length",
    "guardrail:body_length",
    "guardrail:control_characters",
    "guardrail:foreign_link",
]


class GenerateRequest(HttpModel):
    """Write this person a tip."""

    request_id: RequestId | None = None
    """A UUID that names the decision, so that a retry gets the first answer; goes before the header `x-request-id`.
    Anything but a UUID names nothing. Absent: the header's, else a new one."""
    tenant_id: Name
    """The tenant, as a catalog declares it."""
    user_id: Name
    """The person: the key of what the signals told about them."""
    profile_features: ProfileFeatures | None = None
    """What the caller computed about the person, by the names of the profile schema; others are ignored and counted.
    Absent: nothing is known."""
    prompt_version: PromptVersion | None = None
    """A released prompt, such as `v2`. Absent: the deployment's default."""
    topic: Topic | None = None
    """What the tip should be about, in the person's words. Absent: the language model chooses."""
    locale: Locale | None = None
    """The language to write in, as a BCP 47 tag such as `de-AT`. Absent: the prompt's own, English."""


class WrittenTip(HttpModel):
    """The tip as the person may see it."""

    tip_id: str
    """Exposures and reactions on the bus refer to it."""
    title: Annotated[str, Field(min_length=1)]
    """Plain text; the prompt version says how long it may be."""
    body: Annotated[str, Field(min_length=1)]
    """Plain text; the prompt version says how long it may be."""


class Usage(HttpModel):
    """What the language model took, also when its text was refused; zeros when it was not asked or gave no answer."""

    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]
    cost_usd: Annotated[float, Field(ge=0)] | None
    """In US dollars; null when the price of the model is not known or no model answered."""


class GenerateResponse(HttpModel):
    """The tip, who wrote it and what that took."""

    decision_id: DecisionId
    """Names this decision for the events about it on the bus. The caller's request id when that is a UUID."""
    tip: WrittenTip
    prompt_version: str
    """The prompt that the tip was asked for with, also when the template wrote it."""
    model: NamedVersion | None
    """The language model that wrote the tip; null when the prompt's template did."""
    usage: Usage
    degraded: tuple[GenerateShortfall, ...]
    """What the answer had to do without; empty for a full one. A decision that names anything is kept out of learning.

    - `online_store`: the signal features could not be read in time; the tip was written without them.
    - `decision_log`: the decision was not recorded in time, so events about it cannot be joined.
    - All others: the template wrote the tip, because the language model took too long (`timeout`), failed
      (`llm_failed`), would have been sent too much (`prompt_too_long`), the prompt could not be filled in (`prompt`),
      or what it wrote is not to be shown (`guardrail:` and the reason)."""


@dataclass(frozen=True, slots=True)
class _Written:
    title: str
    body: str
    completion: Completion | None
    by_model: bool
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TipWriter:
    """Writes a tip for a person, and records the decision before it is told."""

    catalog: Catalog
    prompts: PromptLibrary
    default_prompt: str
    signals: SignalReader
    gateway: CappedGateway
    recorder: Recorder[GenerateDecided]
    role: ServingRole
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    profiles: ProfileAdmission = field(default_factory=ProfileAdmission)

    def __post_init__(self) -> None:
        """Refuse to start without a default prompt, or with one that reads what the context does not have.

        Raises:
            UnknownPromptVersion: the default prompt is not released.
            PromptRenderFailed: a released prompt declares a variable that nothing fills.
        """
        self.prompts.resolve(None, self.default_prompt)
        nothing = assemble(NO_VALUES, NO_VALUES, topic=None, locale=None).variables()
        for version in self.prompts.versions:
            self.prompts.resolve(version, self.default_prompt).render(nothing)

    async def generate(self, request: GenerateRequest, header_id: str | None = None) -> GenerateResponse:
        """A tip for this person, its decision logged; a retry with the same id gets the first answer again.

        Args:
            request: the body.
            header_id: the `x-request-id` header, which names the decision when the body does not.

        Raises:
            UnknownTenant: no catalog declares the tenant.
            UnknownPromptVersion: the requested prompt version is not released; lists those that are.
            InvalidFeature: a profile feature has the wrong type; names it.
            DecisionConflict: the request id named another question before.
        """
        started = time.perf_counter()
        self.catalog.tenant(request.tenant_id)
        prompt = self.prompts.resolve(request.prompt_version, self.default_prompt)
        profile = self.profiles.admit(request.profile_features)
        identity = decision_id(request.request_id, header_id, self.new_id)
        at = self.now()

        signal, degraded = await self._signals(request, at)
        context = assemble(profile or NO_VALUES, signal, topic=request.topic, locale=request.locale)
        written = await self._write(prompt, context)
        took = written.completion

        decided = GenerateDecided(
            decision_id=str(identity),
            serving_role=self.role,
            profile_features=profile,
            signal_features=dict(signal) if signal else None,
            prompt_version=prompt.version,
            prompt_hash=prompt.hash,
            tip_id=f"tip-{identity}",
            title=written.title,
            body=written.body,
            model=ModelUsed(name=took.model) if took and written.by_model else None,
            prompt_tokens=took.prompt_tokens if took else 0,
            completion_tokens=took.completion_tokens if took else 0,
            cost_usd=took.cost_usd if took else None,
            degraded=degraded + written.degraded,
            latency=timedelta(seconds=time.perf_counter() - started),
        )
        recorded = await self.recorder.record(decided, tenant_id=request.tenant_id, user_id=request.user_id, at=at)
        return _response(*recorded)

    async def _signals(self, request: GenerateRequest, at: datetime) -> tuple[Values, tuple[str, ...]]:
        try:
            values, _ = await self.signals.read(request.tenant_id, request.user_id, tuple(FAMILY_OF), at)
        except OnlineStoreUnavailable:
            return NO_VALUES, ("online_store",)
        return {name: value for name, value in values.items() if value is not None}, ()

    async def _write(self, prompt: Prompt, context: PromptContext) -> _Written:
        try:
            rendered = prompt.render(context.variables())
            completion = await self.gateway.complete(
                (Message("system", rendered.system), Message("user", rendered.user)),
                max_tokens=prompt.parameters.max_tokens,
                temperature=prompt.parameters.temperature,
            )
        except (PromptRenderFailed, GatewayFailed) as error:
            _log.warning("the template answers: %s", error)
            return _from_template(prompt, None, _reason(error))
        limits = Limits(title=prompt.output.title.max_length, body=prompt.output.body.max_length)
        draft, found = faults(completion.text, limits, source=context.words)
        if draft is None or found:
            return _from_template(prompt, completion, *(f"guardrail:{fault}" for fault in found))
        return _Written(draft.title, draft.body, completion, by_model=True)


def _from_template(prompt: Prompt, completion: Completion | None, *reasons: str) -> _Written:
    return _Written(prompt.fallback.title, prompt.fallback.body, completion, by_model=False, degraded=reasons)


def _reason(error: PromptRenderFailed | GatewayFailed) -> str:
    match error:
        case GatewayTimedOut():
            return "timeout"
        case PromptTooLong():
            return "prompt_too_long"
        case PromptRenderFailed():
            return "prompt"
        case _:
            return "llm_failed"


def _response(decided: GenerateDecided, degraded: tuple[str, ...]) -> GenerateResponse:
    model = decided.model
    return GenerateResponse(
        decision_id=decided.decision_id,
        tip=WrittenTip(tip_id=decided.tip_id, title=decided.title, body=decided.body),
        prompt_version=decided.prompt_version,
        model=NamedVersion(name=model.name, version=model.version) if model else None,
        usage=Usage(
            prompt_tokens=decided.prompt_tokens,
            completion_tokens=decided.completion_tokens,
            cost_usd=decided.cost_usd,
        ),
        degraded=degraded,
    )
