import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from pydantic import SecretStr

from oo.errors import GatewayFailed, GatewayTimedOut
from oo.llm.gateway import Completion, Message
from oo.llm.litellm_gateway import LiteLLMGateway
from tests.integration.chat_server import ChatServer, Mood

# LiteLLM's own types, read by Pydantic at its first call.
pytestmark = pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning")

TIP = json.dumps({"title": "Early night", "body": "Put the phone away at ten."})
KEY = "sk-not-to-be-told"
PERSONAL = "ada sleeps badly"


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer(TIP) as server:
        yield server


@pytest.fixture
def gateway_to() -> Iterator[Callable[..., LiteLLMGateway]]:
    """Makes gateways to a server, with a secret key, and closes them."""
    made: list[LiteLLMGateway] = []

    def make(chat: ChatServer, *models: str) -> LiteLLMGateway:
        made.append(LiteLLMGateway(models or ("openai/tiny",), api_base=chat.api_base, api_key=SecretStr(KEY)))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


async def _complete(gateway: LiteLLMGateway, seconds: float = 10) -> Completion:
    messages = [Message("system", "Be brief."), Message("user", PERSONAL)]
    return await gateway.complete(messages, max_tokens=99, temperature=0.3, timeout=seconds)


async def test_an_openai_compatible_endpoint_answers(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway]
) -> None:
    completion = await _complete(gateway_to(chat))

    assert completion == Completion(TIP, "tiny-model-2026", 310, 42, None)
    assert chat.asked == [
        {
            "model": "tiny",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PERSONAL}],
            "max_tokens": 99,
            "temperature": 0.3,
            "response_format": {"type": "json_object"},
        }
    ]
    assert f"authorization: bearer {KEY}" in chat.headers[0].lower()


@pytest.mark.parametrize("name", ["", "tiny\0model", "x" * 257])
async def test_a_name_that_no_decision_could_be_recorded_with_gives_way_to_the_one_that_was_asked_for(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway], name: str
) -> None:
    chat.model = name

    assert await _complete(gateway_to(chat)) == Completion(TIP, "openai/tiny", 310, 42, None)


async def test_a_silent_endpoint_is_left_after_the_timeout(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway]
) -> None:
    gateway = gateway_to(chat)
    await gateway.warm()
    chat.mood = "silent"
    started = time.monotonic()

    with pytest.raises(GatewayTimedOut, match=r"openai/tiny took over 0\.2 s"):
        await _complete(gateway, seconds=0.2)

    assert time.monotonic() - started < 2
    await chat.hung_up_on.wait()


@pytest.mark.parametrize("mood", ["failing", "garbled", "choiceless", "hanging_up"])
async def test_an_endpoint_that_fails_is_asked_once_and_its_failure_has_one_name(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway], mood: Mood
) -> None:
    chat.mood = mood

    with pytest.raises(GatewayFailed, match="openai/tiny gave") as failure:
        await _complete(gateway_to(chat))

    assert not isinstance(failure.value, GatewayTimedOut)
    assert len(chat.asked) == 1


async def test_the_next_model_stands_in_for_one_that_fails(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway]
) -> None:
    chat.mood = "failing"

    completion = await _complete(gateway_to(chat, "openai/tiny", "mock"))

    assert completion.model == "mock"
    assert len(chat.asked) == 1


async def test_neither_the_key_nor_the_prompt_is_told_when_a_call_fails(
    chat: ChatServer,
    gateway_to: Callable[..., LiteLLMGateway],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    chat.mood = "failing"
    with caplog.at_level(logging.INFO), pytest.raises(GatewayFailed) as failure:
        await _complete(gateway_to(chat))

    printed = capfd.readouterr()
    told = f"{failure.value}{caplog.text}{printed.out}{printed.err}"
    assert KEY not in told
    assert PERSONAL not in told


async def test_warming_up_asks_nobody_and_leaves_the_first_call_fast(
    chat: ChatServer, gateway_to: Callable[..., LiteLLMGateway]
) -> None:
    gateway = gateway_to(chat)

    await gateway.warm()
    assert chat.asked == []

    started = time.monotonic()
    await _complete(gateway)
    assert time.monotonic() - started < 1
