"""The calls, one model after the other."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import litellm
from litellm.exceptions import ContentPolicyViolationError, ContextWindowExceededError
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
from litellm.router import Router
from litellm.types.llms.openai import AllMessageValues, ChatCompletionSystemMessage, ChatCompletionUserMessage
from openai import APIStatusError, APITimeoutError, AsyncOpenAI, BadRequestError, OpenAIError, UnprocessableEntityError
from pydantic import JsonValue, SecretStr, TypeAdapter, ValidationError

from oo.errors import AnswerLost, CompletionTooLong, GatewayFailed, GatewayTimedOut, InvalidSettings
from oo.events.json_types import Identifier
from oo.llm.gateway import Completion, CompletionRequest, Message, Quote
from oo.llm.litellm_gateway.bounded_http import BoundedTransport, at_most
from oo.llm.litellm_gateway.heard import Heard
from oo.llm.litellm_gateway.tokens import known_tokens, tokens
from oo.llm.prices import Price

_log = logging.getLogger(__name__)

_NOWHERE = "http://127.0.0.1:0"
_NAME: TypeAdapter[str] = TypeAdapter(Identifier)
# Some servers keep it in 32 bits with a sign.
_SEEDS = 2**31
# Tokens that mark where a message begins and ends, and whose it is.
_FRAME = 4
# Bytes of an answer a token, and beside them: a part of a stream is some 300 for a token of a few.
_TOKEN_BYTES = 2_000
_OTHER_BYTES = 100_000


@dataclass(slots=True)
class _Model:
    deployment: str
    """Its name in the router."""
    name: str
    """As LiteLLM writes it."""
    price: Price
    bounded: bool
    """Whether LiteLLM asks it through OpenAI's client, of which we have one with bounds."""
    known_format: int = 0
    """The place in `_formats` of the first that its endpoint has not refused."""
    refuses_all: bool = False
    """Whether it refused the last request in every format, so that it hardly is a matter of the format."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a model gave no answer; never in a provider's words, which may repeat the prompt."""

    said: str
    late: bool = False
    may_be_billed: bool = False


class LiteLLMGateway:
    """Completions through LiteLLM's Router: no retry, no cache and no cool-down, since the caps are ours to keep.

    The order of the stand-ins is kept here: the Router's own fallbacks share no time, and none of them takes over
    from a stream that breaks or drips.
    """

    def __init__(
        self,
        models: Sequence[str],
        *,
        api_base: str | None = None,
        api_key: SecretStr | None = None,
        prices: Mapping[str, Price] | None = None,
        stream: bool = True,
    ) -> None:
        """Nothing is connected yet.

        Args:
            models: names as LiteLLM writes them (`provider/model`); the first answers, the others stand in in order.
            api_base: the address of an OpenAI-compatible endpoint, when it is not the provider's own.
            api_key: the endpoint's key; without one, LiteLLM looks for the provider's own environment variable.
            prices: of the models for which LiteLLM's own price list is wrong or has none.
            stream: whether the answer is read while it is written, so that one without end is cut off sooner. In
                either way no more than a bound in bytes is read from an `openai/` model with an `api_base`; from
                others, whose connections are LiteLLM's own, what arrives in time.

        Raises:
            InvalidSettings: a model has no price, so no budget could be held.
        """
        self._models = [
            _Model(str(place), name, _price(name, prices or {}), bool(api_base) and _provider(name) == "openai")
            for place, name in enumerate(models)
        ]
        self._stream = stream
        # LiteLLM's log repeats prompts, answers and keys. What there is to know comes as an exception.
        for logger in ("LiteLLM", "LiteLLM Router"):
            logging.getLogger(logger).addFilter(_unheard)
        self._router = Router(
            model_list=[
                {"model_name": model.deployment, "litellm_params": _parameters(model.name, api_base, api_key)}
                for model in self._models
            ],
            num_retries=0,
            disable_cooldowns=True,
        )
        self._client = _client(api_base, api_key) if api_base and any(model.bounded for model in self._models) else None

    def quote(self, request: CompletionRequest) -> Quote:
        """See `Gateway.quote`. Some providers count the schema as a part of the prompt, so it counts."""
        prompt = known_tokens(json.dumps(request.schema))
        for message in request.messages:  # a system part is one of a few; a person's words are not kept
            prompt += _FRAME + (known_tokens if message.role == "system" else tokens)(message.content)
        return Quote(prompt, sum(model.price.of(prompt, request.max_tokens) for model in self._models))

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # shared out among the models
    ) -> Completion:
        """See `Gateway.complete`. The models that are still to be asked share the time that is left in equal parts.

        What a model that was given up may have cost is a part of the price of another's answer.
        """
        failures: list[_Failure] = []
        clock = asyncio.get_running_loop().time
        end = clock() + timeout
        given_up = 0.0
        for place, model in enumerate(self._models):
            outcome = await self._ask(model, request, (end - clock()) / (len(self._models) - place))
            if isinstance(outcome, Completion):
                return replace(outcome, cost_usd=outcome.cost_usd + given_up)
            failures.append(outcome)
            if outcome.may_be_billed:
                given_up += model.price.of(self.quote(request).prompt_tokens, request.max_tokens)
        # Raised out here, it drags no provider's error along as its context.
        said = "; ".join(failure.said for failure in failures)
        if any(failure.late for failure in failures):
            raise GatewayTimedOut(f"no answer within {timeout:g} s: {said}")
        if any(failure.may_be_billed for failure in failures):
            raise AnswerLost(said)
        raise GatewayFailed(said)

    async def warm(self) -> None:
        """Load what LiteLLM loads with its first call: over a second, which would come out of a person's answer."""
        tokens("warm up")
        first = self._models[0]
        nowhere = self._client.with_options(base_url=_NOWHERE) if self._client and first.bounded else None
        try:
            with at_most(0):
                await self._router.acompletion(
                    model=first.deployment,
                    messages=[ChatCompletionUserMessage(role="user", content="warm up")],
                    api_base=_NOWHERE,
                    client=nowhere,
                    max_tokens=1,
                    stream=self._stream,
                )
        except OpenAIError as error:
            _log.debug("warmed up, nobody answers there: %s", type(error).__name__)

    async def aclose(self) -> None:
        """Close the connections, and take the router out of LiteLLM's callback lists."""
        self._router.discard()  # type: ignore[no-untyped-call]  # LiteLLM left it untyped
        if self._client:
            await self._client.close()

    async def _ask(self, model: _Model, request: CompletionRequest, seconds: float) -> Completion | _Failure:
        try:
            # LiteLLM is not told: for each time that it has not heard before, it opens connections that it keeps.
            async with asyncio.timeout(seconds):
                return await self._in_a_known_format(model, request)
        except CompletionTooLong:
            raise
        except (TimeoutError, APITimeoutError):
            return _Failure(f"{model.name} took over {seconds:.3g} s", late=True, may_be_billed=True)
        except APIStatusError as error:
            return _Failure(f"{model.name} gave no answer: {type(error).__name__}")
        # What is no chat completion makes LiteLLM's parsing fail in more ways than it has errors.
        except Exception as error:  # noqa: BLE001
            return _Failure(f"{model.name} gave no answer: {type(error).__name__}", may_be_billed=True)

    async def _in_a_known_format(self, model: _Model, request: CompletionRequest) -> Completion | _Failure:
        """The answer in the strictest format that the endpoint takes, which is remembered."""
        formats = _formats(request.schema)
        if model.refuses_all:
            return await self._in_one_format(model, request, formats)
        for place in range(model.known_format, len(formats) - 1):
            try:
                answer = await self._answer(model, request, formats[place])
            except APIStatusError as error:
                if not _refuses_format(error):
                    raise
                model.known_format = place + 1  # remembered also when time runs out meanwhile
            else:
                model.known_format = place
                return answer
        try:
            answer = await self._answer(model, request, formats[-1])
        except APIStatusError as error:
            if _refuses_format(error):
                model.refuses_all, model.known_format = True, 0
            raise
        model.known_format = len(formats) - 1
        return answer

    async def _in_one_format(
        self, model: _Model, request: CompletionRequest, formats: Sequence[dict[str, Any]]
    ) -> Completion | _Failure:
        """The answer of an endpoint that refused all of them: one is tried a call, and all again once it answers."""
        try:
            answer = await self._answer(model, request, formats[model.known_format])
        except APIStatusError:
            model.known_format = (model.known_format + 1) % len(formats)
            raise
        model.refuses_all, model.known_format = False, 0
        return answer

    async def _answer(
        self, model: _Model, request: CompletionRequest, response_format: dict[str, Any]
    ) -> Completion | _Failure:
        heard = Heard(model.name, request.max_tokens)
        with at_most(_OTHER_BYTES + _TOKEN_BYTES * request.max_tokens) as allowance:
            try:
                response = await self._router.acompletion(
                    model=model.deployment,
                    messages=[_turn(message) for message in request.messages],
                    client=self._client if model.bounded else None,
                    stream=self._stream,
                    max_tokens=request.max_tokens,
                    temperature=request.temperature,
                    seed=request.seed % _SEEDS,
                    **response_format,
                    **({"stream_options": {"include_usage": True}} if self._stream else {}),
                )
                await heard.hear(response)
            except Exception:
                if not allowance.exceeded:
                    raise
        if allowance.exceeded:  # out here, without the error of a provider as its context
            raise heard.too_long()
        if not heard.text:
            return _Failure(f"{model.name} gave an answer without a text", may_be_billed=True)
        prompt_tokens = heard.prompt_tokens or self.quote(request).prompt_tokens
        completion_tokens = heard.completion_tokens or min(heard.counted(), request.max_tokens)
        if completion_tokens > request.max_tokens:
            raise heard.too_long()
        return Completion(
            text=heard.text,
            model=_name(heard.model, model.name),
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost_usd=model.price.of(prompt_tokens, completion_tokens),
        )


def _unheard(_: logging.LogRecord) -> bool:
    return False


def _client(api_base: str, api_key: SecretStr | None) -> AsyncOpenAI:
    """Connections to an endpoint of which nobody knows how much it sends."""
    # LiteLLM's own, which keeps a connection for the next call, which httpx's does not after a stream, and heeds what
    # LiteLLM's users set about proxies and certificates.
    transport = AsyncHTTPHandler.create_aiohttp_transport()
    return AsyncOpenAI(
        base_url=api_base,
        api_key=_key(api_base, api_key),
        max_retries=0,
        http_client=httpx.AsyncClient(transport=BoundedTransport(transport)),
    )


def _parameters(model: str, api_base: str | None, api_key: SecretStr | None) -> dict[str, object]:
    # Not every provider knows every parameter; the guardrails read the answer either way.
    return {"model": model, "api_base": api_base, "api_key": _key(api_base, api_key), "drop_params": True}


def _key(api_base: str | None, api_key: SecretStr | None) -> str | None:
    if api_key:
        return api_key.get_secret_value()
    # A local server asks for no key, but the OpenAI client does.
    return "unused" if api_base else None


def _formats(schema: Mapping[str, JsonValue]) -> tuple[dict[str, Any], ...]:
    """How an answer that fits a schema is asked for: in OpenAI's way, else in llama.cpp's, else as JSON, else not."""
    named = {"name": "answer", "strict": True, "schema": dict(schema)}
    return (
        {"response_format": {"type": "json_schema", "json_schema": named}},
        {"response_format": {"type": "json_object", "schema": dict(schema)}},
        {"response_format": {"type": "json_object"}},
        {},
    )


def _refuses_format(error: APIStatusError) -> bool:
    if isinstance(error, ContentPolicyViolationError | ContextWindowExceededError):
        return False
    # llama.cpp's server from Python calls it an internal error, and names what it would have taken.
    return isinstance(error, BadRequestError | UnprocessableEntityError) or "json_object" in str(error)


def _turn(message: Message) -> AllMessageValues:
    if message.role == "system":
        return ChatCompletionSystemMessage(role="system", content=message.content)
    return ChatCompletionUserMessage(role="user", content=message.content)


def _provider(model: str) -> str:
    provider: str
    try:
        _, provider, *_ = litellm.get_llm_provider(model)
    except BadRequestError:
        raise InvalidSettings(f"{model} names no provider: for an endpoint of your own, write openai/{model}") from None
    return provider


def _price(model: str, prices: Mapping[str, Price]) -> Price:
    """Ours, else the one of LiteLLM's list, which is that of prompts below 128,000 tokens."""
    if model in prices:
        return prices[model]
    listed = litellm.model_cost.get(model, {})
    bare, provider = model.partition("/")[2], _provider(model)
    if not listed and str(litellm.model_cost.get(bare, {}).get("litellm_provider")).startswith(provider):
        listed = litellm.model_cost[bare]
    prompt, completion = listed.get("input_cost_per_token"), listed.get("output_cost_per_token")
    if prompt is None or completion is None:
        raise InvalidSettings(
            f"{model} has no price, and no budget can be held without one: give US dollars per million tokens, "
            f'like OO_LLM_PRICES=\'{{"{model}": {{"prompt": 0.1, "completion": 0.4}}}}\''
        )
    dearest = max(completion, listed.get("output_cost_per_reasoning_token") or 0)
    return Price(prompt=prompt * 1_000_000, completion=dearest * 1_000_000)


def _name(told: str | None, asked: str) -> str:
    """What the provider calls the model that answered, unless no decision could be recorded with such a name."""
    try:
        return _NAME.validate_python(told)
    except ValidationError:
        return asked
