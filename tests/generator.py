"""A generator out of its library parts: the real guardrails, budget and prompts, and fakes of bus and stores."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from oo.catalog import Catalog
from oo.decisions.background import Background
from oo.decisions.decision_log import DecisionLog, MemoryDecisionLog
from oo.decisions.generate import TipWriter
from oo.decisions.prompt_choice import PromptChoice
from oo.decisions.recording import Recorder
from oo.decisions.shadow_prompt import ShadowPrompt
from oo.decisions.signals import SignalReader
from oo.decisions.splits import Splits
from oo.errors import GatewayFailed
from oo.events.decision import ServingRole
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.online_store import OnlineStore
from oo.llm.budget import CappedGateway, Caps
from oo.llm.daily_budget import DailyBudget
from oo.llm.gateway import Completion, CompletionRequest, Gateway, Quote
from oo.llm.guardrails import Guardrails
from oo.llm.memory_ledger import MemoryLedger
from oo.prompts.library import PromptLibrary
from oo.writing.tip_cache import MemoryTipCache, TipCache
from oo.writing.writer import Writer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW_ID = UUID("0198f000-0000-7000-8000-00000000000f")
CAPS = Caps(seconds=5, prompt_tokens=4_000, completion_tokens=400, cost_usd=0.05)
TIP = {
    "title": "Early night",
    "body": "Put the phone away at ten and read a page.",
    "language": "en",
    "topic": "rest",
    "safety": "safe",
}
ANOTHER = TIP | {"title": "Walk a little", "body": "Walk once around the block before dinner.", "topic": "move"}
FEATURE_SERVICE = {
    "name": "tiny@1",
    "model": "tiny",
    "columns": [{"source": "candidate", "name": "minutes", "type": "number"}],
}


def catalog(**more: object) -> Catalog:
    """Two tenants, of which the first has `more` in its entry."""
    policy = {"name": "uniform", "version": "1"}
    tenant = {"feature_service": "tiny@1", "policy": policy}
    tenants = [{"name": "example"} | tenant | more, {"name": "other"} | tenant]
    return Catalog.model_validate({"feature_services": [FEATURE_SERVICE], "tenants": tenants})


@cache
def guardrails() -> Guardrails:
    """Loaded once, since that takes a second."""
    return Guardrails.load()


@cache
def prompts() -> PromptLibrary:
    return PromptLibrary.load()


@dataclass
class CannedGateway:
    """Answers with the texts in turn, the last one again and again; or not at all."""

    texts: tuple[str, ...] = (json.dumps(TIP),)
    failure: GatewayFailed | None = None
    silent: bool = False
    price: float = 0.0002
    """Of a call, in US dollars."""
    asked: list[CompletionRequest] = field(default_factory=list)

    def quote(self, request: CompletionRequest) -> Quote:
        characters = sum(len(message.content) for message in request.messages)
        return Quote(prompt_tokens=characters // 4, cost_usd=self.price)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # the port's signature
    ) -> Completion:
        self.asked.append(request)
        text = self.texts[min(len(self.asked), len(self.texts)) - 1]
        await asyncio.sleep(0)
        if self.silent:
            await asyncio.sleep(timeout + 60)
        if self.failure:
            raise self.failure
        return Completion(text, "canned", 120, 40, self.price)


def canned(*tips: object) -> CannedGateway:
    """A gateway that answers with these, as JSON."""
    return CannedGateway(tuple(json.dumps(tip) for tip in tips))


def writer(gateway: Gateway, *, caps: Caps = CAPS, daily_usd: float = 10.0) -> Writer:
    budget = DailyBudget(MemoryLedger(), lambda _: daily_usd, lambda: NOW)
    return Writer(CappedGateway(gateway, caps, budget), guardrails())


def tip_writer(  # noqa: PLR0913  # by name, each with a default
    gateway: Gateway | None = None,
    *,
    log: DecisionLog | None = None,
    store: OnlineStore | None = None,
    cache: TipCache | None = None,
    cache_for: timedelta = timedelta(0),
    caps: Caps = CAPS,
    daily_usd: float = 10.0,
    seconds: float = 5.0,
    library: PromptLibrary | None = None,
    default: str = "v1",
    tenants: Catalog | None = None,
    shadow_share: float = 0.0,
    splits: Splits | None = None,
    role: ServingRole = ServingRole.STABLE,
    now: Callable[[], datetime] = lambda: NOW,
    new_id: Callable[[], UUID] = lambda: NEW_ID,
) -> TipWriter:
    """A tip writer; what is not named is a fake that does its part."""
    library, log = library or prompts(), log or MemoryDecisionLog()
    writing = writer(gateway or CannedGateway(), caps=caps, daily_usd=daily_usd)
    chosen = PromptChoice(library, default, splits or Splits())
    tried = library.get("v3") if shadow_share else None
    return TipWriter(
        catalog=tenants or catalog(),
        prompts=chosen,
        signals=SignalReader(store or MemoryOnlineStore(), budget=0.05),
        writer=writing,
        cache=cache or MemoryTipCache(),
        cache_for=cache_for,
        seconds=seconds,
        recorder=Recorder(log, "generate"),
        shadow=ShadowPrompt(chosen, tried, shadow_share, writing, seconds, Recorder(log, "shadow_prompt")),
        background=Background(8),
        role=role,
        now=now,
        new_id=new_id,
    )
