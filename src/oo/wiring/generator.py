from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random

from nats.js import JetStreamContext

from oo import catalog as catalogs
from oo.bus.streams import BUDGETS_BUCKET, FEATURES_BUCKET, TIPS_BUCKET, TRAFFIC_BUCKET
from oo.catalog import Catalog
from oo.decisions.background import Background
from oo.decisions.decision_log import DecisionLog, JetStreamDecisionLog
from oo.decisions.faults import Faults
from oo.decisions.generate import TipWriter
from oo.decisions.prompt_choice import PromptChoice
from oo.decisions.recording import Recorder
from oo.decisions.shadow_prompt import ShadowPrompt
from oo.decisions.signals import SignalReader
from oo.decisions.splits import Splits
from oo.errors import OnlineStoreUnavailable, TipCacheUnavailable
from oo.events.decision import ServingRole
from oo.features.nats_online_store import NatsOnlineStore
from oo.llm.budget import CappedGateway
from oo.llm.daily_budget import DailyBudget
from oo.llm.guardrails import Guardrails
from oo.llm.ledger import Ledger
from oo.llm.memory_ledger import MemoryLedger
from oo.llm.nats_ledger import NatsLedger
from oo.prompts.library import TIPS, PromptLibrary
from oo.running import Running, start, stop
from oo.settings import GeneratorSettings
from oo.wiring.language_model import caps, language_model
from oo.wiring.process import new_id, now, on_the_bus
from oo.writing.nats_tip_cache import NatsTipCache
from oo.writing.writer import Writer

MOST_BACKGROUND = 32
"""Second tips and cache entries under way at once."""
LAST_WORK_SECONDS = 5.0
"""How long they may take when the process stops."""


@asynccontextmanager
async def generator(settings: GeneratorSettings) -> AsyncIterator[Running[TipWriter]]:
    """The generator, its language model's library loaded before the first request."""
    catalog, library = catalogs.load(settings.catalog), PromptLibrary.load(settings.prompts or TIPS)
    guardrails = Guardrails.load()
    async with language_model(settings) as gateway, on_the_bus(settings, "oo-generator") as jetstream:
        budget = DailyBudget(await _ledger(settings, jetstream), _caps(settings, catalog), now)
        writer = Writer(CappedGateway(gateway, caps(settings), budget), guardrails)
        log = JetStreamDecisionLog(jetstream, settings.decision_log_timeout)
        background, splits = Background(MOST_BACKGROUND), Splits()
        prompts = PromptChoice(library, settings.default_prompt_version, splits)
        writing = TipWriter(
            catalog=catalog,
            prompts=prompts,
            signals=SignalReader(
                NatsOnlineStore(await jetstream.key_value(FEATURES_BUCKET), Random()),  # noqa: S311  # spreads retries
                settings.online_store_timeout,
            ),
            writer=writer,
            cache=NatsTipCache(await jetstream.key_value(TIPS_BUCKET), patience=settings.online_store_timeout),
            cache_for=timedelta(seconds=settings.tip_cache_seconds if _writes_buckets(settings) else 0),
            seconds=settings.llm_timeout,
            recorder=Recorder(log, "generate"),
            shadow=_shadow_prompt(settings, prompts, writer, log),
            background=background,
            role=settings.serving_role,
            now=now,
            new_id=new_id,
            faults=Faults(settings.fault_errors_percent, settings.fault_delay_seconds),
        )
        await _warm(writing)
        tasks = start({"splits": splits.follow(await jetstream.key_value(TRAFFIC_BUCKET))})
        try:
            yield Running(writing, tasks, lambda: splits.complete)
        finally:
            await stop(tasks)
            await background.finish(LAST_WORK_SECONDS)
            await budget.aclose()


async def _warm(writing: TipWriter) -> None:
    """Ask both stores about nobody: what the first question sets up would come out of a person's time."""
    with suppress(OnlineStoreUnavailable):
        await writing.signals.store.get("", "")
    with suppress(TipCacheUnavailable):
        await writing.cache.get("", "", "")


def _writes_buckets(settings: GeneratorSettings) -> bool:
    """Not as a shadow: its user of the bus may publish below decisions.shadow.> and nowhere else."""
    return settings.serving_role is not ServingRole.SHADOW


async def _ledger(settings: GeneratorSettings, jetstream: JetStreamContext) -> Ledger:
    if not _writes_buckets(settings):
        return MemoryLedger()
    bucket = await jetstream.key_value(BUDGETS_BUCKET)
    return NatsLedger(bucket, Random())  # noqa: S311  # spreads retries


def _caps(settings: GeneratorSettings, catalog: Catalog) -> Callable[[str], float]:
    def cap_of(account: str) -> float:
        tenant, _, shadow = account.partition("/")
        if shadow:
            return settings.shadow_prompt_daily_usd
        # What the catalog says is for tips that people get; a shadow's are shown to nobody.
        own = None if settings.serving_role is ServingRole.SHADOW else catalog.tenant(tenant).llm_daily_usd
        return settings.llm_daily_usd if own is None else own

    return cap_of


def _shadow_prompt(
    settings: GeneratorSettings, prompts: PromptChoice, writer: Writer, log: DecisionLog
) -> ShadowPrompt | None:
    if settings.serving_role is ServingRole.SHADOW:
        return None
    tried = settings.shadow_prompt_version
    return ShadowPrompt(
        prompts=prompts,
        prompt=None if tried is None else prompts.library.get(tried),
        share=settings.shadow_prompt_percent / 100,
        writer=writer,
        seconds=settings.llm_timeout,
        recorder=Recorder(log, "shadow_prompt"),
    )
