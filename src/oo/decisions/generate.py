"""One /generate, from the request to the recorded decision. Whatever fails on the way, the person gets a tip."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from oo.catalog import Catalog
from oo.decisions.background import Background
from oo.decisions.faults import NO_FAULTS, Faults
from oo.decisions.generate_http import GenerateRequest, GenerateResponse, TokenUsage, WrittenTip
from oo.decisions.http import AssignedExperiment, NamedVersion
from oo.decisions.identity import decision_id
from oo.decisions.prompt_choice import PromptChoice
from oo.decisions.recording import Recorder
from oo.decisions.shadow_prompt import ShadowPrompt
from oo.decisions.signals import SignalReader
from oo.decisions.tip_record import Asked, record_of
from oo.errors import OnlineStoreUnavailable, PromptRenderFailed, TipCacheUnavailable
from oo.events.decision import GenerateDecided, ServingRole
from oo.events.decision import WrittenTip as RecordedTip
from oo.features.context import assemble
from oo.features.families import FAMILY_OF
from oo.features.profile_admission import ProfileAdmission
from oo.features.services import NO_VALUES, Values
from oo.prompts.library import Prompt
from oo.telemetry import TIPS, WITHHELD
from oo.writing.order import Facts, Order
from oo.writing.tip import Written
from oo.writing.tip_cache import Kept, TipCache
from oo.writing.writer import Writer


@dataclass(frozen=True, slots=True)
class TipWriter:
    """Writes a tip for a person, and records the decision before it is told."""

    catalog: Catalog
    prompts: PromptChoice
    signals: SignalReader
    writer: Writer
    cache: TipCache
    cache_for: timedelta
    """How long tips are kept for the person in the same state; zero keeps none."""
    seconds: float
    """Within which the tip must be written."""
    recorder: Recorder[GenerateDecided]
    shadow: ShadowPrompt | None
    background: Background
    role: ServingRole
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    profiles: ProfileAdmission = field(default_factory=ProfileAdmission)
    faults: Faults = NO_FAULTS

    def __post_init__(self) -> None:
        """Refuse to start with a prompt that is not there, or that reads what the context does not have.

        Raises:
            UnknownPromptVersion: the default, or an experiment's, is not released.
            RetiredPromptVersion: it is used no more.
            PromptRenderFailed: a released prompt declares a variable that nothing fills.
        """
        self.prompts.check(self.catalog)
        nothing = assemble(NO_VALUES, NO_VALUES)
        for version in self.prompts.library.versions:
            prompt = self.prompts.library.get(version)
            prompt.render(nothing.variables(prompt.variables), prompt.language_for(None))

    async def generate(self, request: GenerateRequest, header_id: str | None = None) -> GenerateResponse:
        """A tip for this person, its decision logged; a retry with the same id gets the first answer again.

        Args:
            request: the body.
            header_id: the `x-request-id` header, which names the decision when the body does not.

        Raises:
            UnknownTenant: no catalog declares the tenant.
            UnknownPromptVersion: the requested prompt version is not released; lists those that may be used.
            RetiredPromptVersion: it is used no more; lists the same.
            InvalidFeature: a profile feature has the wrong type; names it.
            DecisionConflict: the request id named another question before.
            RehearsedFault: it fails on purpose.
        """
        started = time.monotonic()
        tenant = self.catalog.tenant(request.tenant_id)
        identity = decision_id(request.request_id, header_id, self.new_id)
        prompt, experiment = self.prompts.of(request.prompt_version, tenant, request.user_id, str(identity))
        profile = self.profiles.admit(request.profile_features)
        await self.faults.strike(str(identity))
        at = self.now()

        (signals, degraded), kept = await asyncio.gather(self._signals(request, at), self._kept(request, prompt, at))
        order = Order.of(
            prompt,
            Facts(profile or NO_VALUES, signals, request.topic, request.recent_tips),
            withholds=self.writer.guardrails.withholds,
            locale=request.locale,
            user_id=request.user_id,
            count=request.n,
            seed=identity.int & 0x7FFF_FFFF,
        )
        for name in order.context.withheld:
            WITHHELD.labels(name).inc()
        written = _from_cache(order, kept) or await self.writer.write(
            order, account=tenant.name, until=started + self.seconds
        )
        TIPS.labels(prompt.version, _written_by(written)).inc()

        asked = Asked(identity, request.tenant_id, request.user_id, at, profile, dict(signals) or None)
        latency = timedelta(seconds=time.monotonic() - started)
        decided = record_of(
            asked, order, written, role=self.role, latency=latency, degraded=degraded, experiment=experiment
        )
        recorded, missing = await self.recorder.record(
            decided, tenant_id=request.tenant_id, user_id=request.user_id, at=at
        )
        if recorded is decided:  # which a retry's is not
            self._afterwards(asked, order, written)
        return _response(recorded, missing)

    async def _signals(self, request: GenerateRequest, at: datetime) -> tuple[Values, tuple[str, ...]]:
        try:
            values, _ = await self.signals.read(request.tenant_id, request.user_id, tuple(FAMILY_OF), at)
        except OnlineStoreUnavailable:
            return NO_VALUES, ("online_store",)
        return {name: value for name, value in values.items() if value is not None}, ()

    async def _kept(self, request: GenerateRequest, prompt: Prompt, at: datetime) -> Kept | None:
        if not self.cache_for:
            return None
        try:
            kept = await self.cache.get(request.tenant_id, request.user_id, prompt.hash)
        except TipCacheUnavailable:
            return None
        return kept if kept and at - kept.written_at < self.cache_for else None

    def _afterwards(self, asked: Asked, order: Order, written: Written) -> None:
        """What the person does not wait for."""
        if written.model is not None and not written.cached and self.cache_for:
            kept = Kept(order.state, written.model, written.tips, asked.at)
            self.background.start("cache", self.cache.put(asked.tenant_id, asked.user_id, order.prompt.hash, kept))
        if self.shadow and (prompt := self.shadow.prompt_for(asked, order, cached=written.cached)):
            self.background.start("shadow_prompt", self.shadow.write(asked, order, prompt))


def _from_cache(order: Order, kept: Kept | None) -> Written | None:
    try:
        if kept is None or kept.state != order.state or len(kept.tips) < order.count:
            return None
    except PromptRenderFailed:
        return None
    return Written(kept.tips[: order.count], kept.model, cached=True)


def _written_by(written: Written) -> str:
    if written.model is None:
        return "template"
    return "cache" if written.cached else "model"


def _response(decided: GenerateDecided, degraded: tuple[str, ...]) -> GenerateResponse:
    model, experiment = decided.model, decided.experiment
    tips: tuple[GenerateDecided | RecordedTip, ...] = (decided, *decided.alternatives)
    first, *others = (
        WrittenTip(tip_id=tip.tip_id, title=tip.title, body=tip.body, language=tip.language, topic=tip.topic)
        for tip in tips
    )
    return GenerateResponse(
        decision_id=decided.decision_id,
        tip=first,
        alternatives=tuple(others),
        prompt_version=decided.prompt_version,
        experiment=AssignedExperiment(name=experiment.name, variant=experiment.variant) if experiment else None,
        model=NamedVersion(name=model.name, version=model.version) if model else None,
        cached=decided.cached,
        usage=TokenUsage(
            prompt_tokens=decided.prompt_tokens,
            completion_tokens=decided.completion_tokens,
            cost_usd=decided.cost_usd,
        ),
        degraded=degraded,
    )
