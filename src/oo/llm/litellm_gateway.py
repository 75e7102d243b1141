"""LiteLLM as the gateway: any provider it knows, any OpenAI-compatible endpoint, and an offline stand-in."""

import json
import logging
import os
from collections.abc import Sequence

from pydantic import SecretStr, TypeAdapter, ValidationError

from oo.errors import GatewayFailed, GatewayTimedOut
from oo.events.json_types import Identifier
from oo.llm.gateway import Completion, Message

# Without it the import below fetches a price list from the network, which takes seconds and tells of us.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from litellm import ModelResponse
from litellm.router import Router
from litellm.types.llms.openai import AllMessageValues, ChatCompletionSystemMessage, ChatCompletionUserMessage
from openai import APITimeoutError, OpenAIError

_log = logging.getLogger(__name__)

MOCK = "mock"
"""The model that needs no network: LiteLLM's mock provider, always with the same tip."""
_MOCK_TIP = {
    "title": "Walk around the block",
    "body": "Leave the phone on the desk and walk once around the block. Ten minutes outside clear the head.",
}
_NOWHERE = "http://127.0.0.1:0"
_NAME: TypeAdapter[str] = TypeAdapter(Identifier)


class LiteLLMGateway:
    """Completions through LiteLLM's Router: no retry, no cache and no cool-down, since the caps are ours to keep."""

    def __init__(self, models: Sequence[str], *, api_base: str | None = None, api_key: SecretStr | None = None) -> None:
        """Nothing is connected yet.

        Args:
            models: names as LiteLLM writes them (`provider/model`); the first answers, the others stand in in order.
            api_base: the address of an OpenAI-compatible endpoint, when it is not the provider's own.
            api_key: the endpoint's key; without one, LiteLLM looks for the provider's own environment variable.
        """
        names = [str(position) for position in range(len(models))]
        self._models = tuple(models)
        self._router = Router(
            model_list=[
                {"model_name": name, "litellm_params": _parameters(model, api_base, api_key)}
                for name, model in zip(names, models, strict=True)
            ],
            fallbacks=[{names[0]: names[1:]}] if names[1:] else [],
            max_fallbacks=len(names) - 1,
            num_retries=0,
            disable_cooldowns=True,
        )

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        timeout: float,  # noqa: ASYNC109  # the provider is told too, and ends its own work
    ) -> Completion:
        """See `Gateway.complete`."""
        try:
            response = await self._router.acompletion(
                model="0",
                messages=[_turn(message) for message in messages],
                max_tokens=max_tokens,
                temperature=temperature,
                timeout=timeout,
                response_format={"type": "json_object"},
            )
        # Their texts may repeat the prompt, which is personal data: only their kind is told.
        except APITimeoutError as error:
            raise GatewayTimedOut(f"{self._models[0]} took over {timeout:g} s") from error
        except OpenAIError as error:
            raise GatewayFailed(f"{self._models[0]} gave no answer: {type(error).__name__}") from error
        if not response.choices:
            raise GatewayFailed(f"{self._models[0]} gave an answer without a choice")
        return _completion(response, self._models[0])

    async def warm(self) -> None:
        """Load what LiteLLM imports with its first call: over a second, which would come out of a person's answer."""
        try:
            await self._router.acompletion(
                model="0", messages=[{"role": "user", "content": "warm up"}], api_base=_NOWHERE, max_tokens=1
            )
        except OpenAIError as error:
            _log.debug("warmed up, nobody answers there: %s", type(error).__name__)

    def close(self) -> None:
        """Take the router out of LiteLLM's callback lists."""
        self._router.discard()  # type: ignore[no-untyped-call]  # LiteLLM left it untyped


def _parameters(model: str, api_base: str | None, api_key: SecretStr | None) -> dict[str, object]:
    if model == MOCK:
        return {"model": "openai/mock", "api_key": "unused", "mock_response": json.dumps(_MOCK_TIP)}
    key = api_key.get_secret_value() if api_key else None
    if api_base and not key:
        # A local server asks for no key, but the OpenAI client does.
        key = "unused"
    # Not every provider knows `response_format`; the guardrails read the answer either way.
    return {"model": model, "api_base": api_base, "api_key": key, "drop_params": True}


def _turn(message: Message) -> AllMessageValues:
    if message.role == "system":
        return ChatCompletionSystemMessage(role="system", content=message.content)
    return ChatCompletionUserMessage(role="user", content=message.content)


def _completion(response: ModelResponse, asked: str) -> Completion:
    usage = response.usage
    # LiteLLM prices a model that it has no price for at 0.
    cost = response._hidden_params.get("response_cost")  # noqa: SLF001  # where LiteLLM documents the price
    return Completion(
        text=response.choices[0].message.content or "",
        model=_name(response.model, asked),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=cost or None,
    )


def _name(told: str | None, asked: str) -> str:
    """What the provider calls the model that answered, unless no decision could be recorded with such a name."""
    try:
        return _NAME.validate_python(told)
    except ValidationError:
        return asked
