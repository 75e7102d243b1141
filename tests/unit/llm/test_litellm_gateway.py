import asyncio
import socket
from typing import TYPE_CHECKING, NoReturn, Self, cast

import pytest
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices
from pydantic import JsonValue, ValidationError

from oo.errors import InvalidSettings
from oo.llm.gateway import CompletionRequest, Message
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.llm.litellm_gateway.heard import Heard
from oo.llm.prices import Price
from tests.integration.chat_server import litellm_warnings

if TYPE_CHECKING:
    from litellm import CustomStreamWrapper

pytestmark = litellm_warnings

CHEAP, DEAR = Price(prompt=1, completion=2), Price(prompt=1, completion=20)
SCHEMA: dict[str, JsonValue] = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 60}}}
REQUEST = CompletionRequest((Message("system", "Be brief."), Message("user", "I sleep badly.")), SCHEMA, 100, 0.5, 7)
# Some whose tokenizers LiteLLM would fetch, and some whose providers it would ask for the price.
ODD_NAMES = ("openai/llama-3-tiny", "groq/llama-3.1-tiny", "replicate/tiny", "openai/llama-2-tiny", "ollama/tiny")


def _quoting(*models: str, **prices: Price) -> LiteLLMGateway:
    gateway = LiteLLMGateway(models, prices={f"openai/{name}": price for name, price in prices.items()})
    asyncio.run(gateway.aclose())
    return gateway


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a quote goes nowhere")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_quote_is_of_all_models_that_may_be_asked_for_the_longest_answer() -> None:
    cheap, both = _quoting("openai/cheap", cheap=CHEAP), _quoting("openai/cheap", "openai/dear", cheap=CHEAP, dear=DEAR)

    tokens = cheap.quote(REQUEST).prompt_tokens
    assert cheap.quote(REQUEST).cost_usd == pytest.approx((tokens * 1 + 100 * 2) / 1e6)
    assert both.quote(REQUEST).cost_usd == pytest.approx((tokens * 1 + 100 * 2 + tokens * 1 + 100 * 20) / 1e6)


def test_the_schema_and_every_message_count_as_prompt() -> None:
    gateway = _quoting("openai/cheap", cheap=CHEAP)
    whole = gateway.quote(REQUEST).prompt_tokens

    def less(messages: tuple[Message, ...], schema: dict[str, JsonValue]) -> int:
        return gateway.quote(CompletionRequest(messages, schema, 100, 0.5, 7)).prompt_tokens

    assert less(REQUEST.messages[:1], SCHEMA) < whole
    assert less(REQUEST.messages[1:], SCHEMA) < whole
    assert less(REQUEST.messages, {}) < whole - 15


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("model", ODD_NAMES)
def test_whatever_a_model_is_called_a_quote_needs_no_network(model: str) -> None:
    gateway = LiteLLMGateway([model], prices={model: CHEAP})
    asyncio.run(gateway.aclose())

    assert 20 < gateway.quote(REQUEST).prompt_tokens < 100


@pytest.mark.parametrize("text", ["<|endoftext|>", "a\ud800b", "", "\0", "早上好" * 100])
def test_any_text_can_be_quoted(text: str) -> None:
    request = CompletionRequest((Message("user", text),), {}, 100, 0.5, 7)

    assert _quoting("openai/cheap", cheap=CHEAP).quote(request).prompt_tokens > len(text) // 8


def test_a_model_of_litellms_price_list_needs_no_price_and_takes_ours_when_there_is_one() -> None:
    listed = _quoting("openai/gpt-4o-mini").quote(REQUEST)

    assert listed.cost_usd == pytest.approx((listed.prompt_tokens * 0.15 + 100 * 0.6) / 1e6)
    ours = LiteLLMGateway(["openai/gpt-4o-mini"], prices={"openai/gpt-4o-mini": Price(prompt=0, completion=1)})
    asyncio.run(ours.aclose())
    assert ours.quote(REQUEST).cost_usd == pytest.approx(100 / 1e6)


@pytest.mark.parametrize("model", ["openai/tiny", "groq/gpt-4o-mini", "openai/text-embedding-3-small-x"])
def test_a_model_without_a_price_is_refused_with_the_setting_that_helps(model: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"^{model} has no price.*OO_LLM_PRICES='{{\"{model}\": {{\"prompt\""):
        LiteLLMGateway(["openai/gpt-4o-mini", model])


def test_a_model_of_no_provider_is_refused_with_the_name_that_helps() -> None:
    with pytest.raises(InvalidSettings, match="tiny names no provider: for an endpoint of your own, write openai/tiny"):
        LiteLLMGateway(["tiny"])


@pytest.mark.parametrize(
    "price", ['{"prompt": -1, "completion": 0}', '{"prompt": 1}', '{"prompt": 1e999, "completion": 0}']
)
def test_a_price_is_two_amounts_that_one_can_pay(price: str) -> None:
    with pytest.raises(ValidationError):
        Price.model_validate_json(price)


class _Burst:
    """A stream of which all has arrived: reading it waits for nothing."""

    def __init__(self, parts: int) -> None:
        self.chunks: list[ModelResponseStream] = []
        self._left = iter(range(parts))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ModelResponseStream:
        for _ in self._left:
            return ModelResponseStream(choices=[StreamingChoices(delta=Delta(content="a"))])
        raise StopAsyncIteration

    async def aclose(self) -> None: ...


async def test_others_have_their_turn_between_any_two_parts_of_an_answer_that_arrived_at_once() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    await Heard("openai/tiny", 1_000).hear(cast("CustomStreamWrapper", _Burst(50)))
    other.cancel()
    assert turns >= 50
