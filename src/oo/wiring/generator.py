from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from oo import catalog as catalogs
from oo.bus.streams import FEATURES_BUCKET
from oo.decisions.decision_log import JetStreamDecisionLog
from oo.decisions.generate import TipWriter
from oo.decisions.recording import Recorder
from oo.decisions.signals import SignalReader
from oo.features.nats_online_store import NatsOnlineStore
from oo.llm.budget import CappedGateway, Caps
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.prompts.library import PromptLibrary
from oo.running import Running
from oo.settings import GeneratorSettings
from oo.wiring.process import new_id, now, on_the_bus, quieten_collector


@asynccontextmanager
async def generator(settings: GeneratorSettings) -> AsyncIterator[Running[TipWriter]]:
    """The generator, its language model's library loaded before the first request."""
    catalog = catalogs.load(settings.catalog)
    gateway = LiteLLMGateway([settings.llm_model], api_base=settings.llm_api_base, api_key=settings.llm_api_key)
    await gateway.warm()
    async with on_the_bus(settings, "oo-generator") as jetstream:
        writing = TipWriter(
            catalog=catalog,
            prompts=PromptLibrary.load(),
            default_prompt=settings.default_prompt_version,
            signals=SignalReader(
                NatsOnlineStore(await jetstream.key_value(FEATURES_BUCKET), Random()),  # noqa: S311  # spreads retries
                settings.online_store_timeout,
            ),
            gateway=CappedGateway(
                gateway, Caps(settings.llm_timeout, settings.llm_max_prompt_chars, settings.llm_max_completion_tokens)
            ),
            recorder=Recorder(JetStreamDecisionLog(jetstream, settings.decision_log_timeout), "generate"),
            role=settings.serving_role,
            now=now,
            new_id=new_id,
        )
        quieten_collector()
        try:
            yield Running(writing, (), lambda: True)
        finally:
            gateway.close()
