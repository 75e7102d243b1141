from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oo.collector import collecting_between_steps
from oo.errors import InvalidSettings
from oo.llm.budget import Caps
from oo.llm.gateway import Gateway
from oo.settings import LanguageModelSettings

OFFLINE = "offline"
"""The model that needs no network."""


@asynccontextmanager
async def language_model(settings: LanguageModelSettings) -> AsyncIterator[Gateway]:
    """The language model of the settings, ready to answer.

    Raises:
        InvalidSettings: a model without a price, or `offline` among others.
    """
    if settings.llm_model == (OFFLINE,):
        from oo.llm.offline_gateway import OfflineGateway  # noqa: PLC0415  # only one of the two is needed

        with collecting_between_steps():
            yield OfflineGateway()
        return
    if OFFLINE in settings.llm_model:
        raise InvalidSettings(f"OO_LLM_MODEL: {OFFLINE!r} stands alone; the prompt's template tip stands in by itself")
    from oo.llm.litellm_gateway import LiteLLMGateway  # noqa: PLC0415  # takes a second, and 100 MB

    gateway = LiteLLMGateway(
        settings.llm_model,
        api_base=settings.llm_api_base,
        api_key=settings.llm_api_key,
        prices=settings.llm_prices,
        stream=settings.llm_stream,
    )
    await gateway.warm()
    try:
        # A call that failed lies in cycles of LiteLLM's, with all that was sent and read: much memory in few objects.
        # Who waits for an answer waits for the longest stop, so there are more and shorter ones.
        with collecting_between_steps(young=700, older=2):
            yield gateway
    finally:
        await gateway.aclose()


def caps(settings: LanguageModelSettings) -> Caps:
    """What one call may take."""
    return Caps(
        seconds=settings.llm_timeout,
        prompt_tokens=settings.llm_max_prompt_tokens,
        completion_tokens=settings.llm_max_completion_tokens,
        cost_usd=settings.llm_max_call_usd,
    )
