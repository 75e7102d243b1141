"""What every gateway does, whichever answers: without a model, from a recording, or over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from oo.errors import CompletionTooLong, GatewayFailed, GatewayTimedOut
from oo.llm.gateway import CompletionRequest, Gateway, Message
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.llm.offline_gateway import OfflineGateway
from oo.llm.prices import Price
from oo.llm.recorded_gateway import RecordedGateway
from tests.integration.chat_server import ChatServer, litellm_warnings
from tests.integration.waiting import until

pytestmark = litellm_warnings

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 60},
        "body": {"type": "string", "maxLength": 240},
        "language": {"type": "string", "enum": ["de"]},
        "topic": {"type": "string", "enum": ["rest", "move"]},
        "safety": {"type": "string", "enum": ["safe", "sensitive", "unsafe"]},
    },
    "required": ["title", "body", "language", "topic", "safety"],
    "additionalProperties": False,
}
MESSAGES = (Message("system", "You write short tips in German."), Message("user", "Ich schlafe schlecht. " * 20))
REQUEST = CompletionRequest(MESSAGES, SCHEMA, 200, 0.7, 11)
TIP = json.dumps(
    {"title": "Früh ins Bett", "body": "Leg das Handy weg.", "language": "de", "topic": "rest", "safety": "safe"}
)
SHORT = replace(REQUEST, max_tokens=5)
REMOTE = ("streaming", "whole", "recording")


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer(TIP) as server:
        yield server


@pytest.fixture
async def gateway(request: pytest.FixtureRequest, tmp_path: Path, chat: ChatServer) -> AsyncIterator[Gateway]:
    litellm = LiteLLMGateway(
        ["openai/tiny"],
        api_base=chat.api_base,
        prices={"openai/tiny": Price(prompt=1, completion=3)},
        stream=request.param != "whole",
    )
    match request.param:
        case "offline":
            yield OfflineGateway()
        case "recording":
            yield RecordedGateway(tmp_path, litellm)
        case "replaying":
            for seen in (REQUEST, SHORT):
                await RecordedGateway(tmp_path, litellm).complete(seen, timeout=10)
            yield RecordedGateway(tmp_path)
        case _:
            yield litellm
    await litellm.aclose()


every = pytest.mark.parametrize("gateway", ["offline", "replaying", *REMOTE], indirect=True)
remote = pytest.mark.parametrize("gateway", REMOTE, indirect=True)


@every
async def test_an_answer_fits_the_schema(gateway: Gateway) -> None:
    completion = await gateway.complete(REQUEST, timeout=10)

    jsonschema_rs.validate(SCHEMA, json.loads(completion.text))


@every
async def test_an_answer_takes_no_more_than_was_quoted(gateway: Gateway) -> None:
    quote = gateway.quote(REQUEST)

    completion = await gateway.complete(REQUEST, timeout=10)

    assert 0 < completion.prompt_tokens <= quote.prompt_tokens
    assert 0 < completion.completion_tokens <= REQUEST.max_tokens
    assert 0 <= completion.cost_usd <= quote.cost_usd
    assert completion.model
    assert gateway.quote(REQUEST) == quote


@every
async def test_no_answer_is_longer_than_was_asked_for(gateway: Gateway) -> None:
    try:
        completion = await gateway.complete(SHORT, timeout=10)
    except CompletionTooLong:
        return

    assert completion.completion_tokens <= SHORT.max_tokens
    assert len(completion.text) < len(TIP) / 2


@every
async def test_the_same_request_has_the_same_answer(gateway: Gateway) -> None:
    answers = [await gateway.complete(REQUEST, timeout=10) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]


@every
async def test_many_may_ask_at_once(gateway: Gateway) -> None:
    alone = await gateway.complete(REQUEST, timeout=10)

    together = await asyncio.gather(*(gateway.complete(REQUEST, timeout=20) for _ in range(10)))

    assert set(together) == {alone}


@remote
async def test_an_answer_that_does_not_come_in_time_has_one_name(chat: ChatServer, gateway: Gateway) -> None:
    chat.mood = "silent"

    with pytest.raises(GatewayTimedOut):
        await gateway.complete(REQUEST, timeout=0.3)


@remote
async def test_an_answer_that_does_not_come_at_all_has_one_name(chat: ChatServer, gateway: Gateway) -> None:
    chat.mood = "failing"

    with pytest.raises(GatewayFailed) as failure:
        await gateway.complete(REQUEST, timeout=10)

    assert type(failure.value) is GatewayFailed


@remote
async def test_a_call_that_is_cancelled_leaves_no_task(chat: ChatServer, gateway: Gateway) -> None:
    chat.mood = "silent"
    before = asyncio.all_tasks()
    call = asyncio.create_task(gateway.complete(REQUEST, timeout=60))

    async def asked() -> bool:
        return bool(chat.asked)

    async def gone() -> bool:
        # LiteLLM's log has one task, however many calls there are.
        return all("LoggingWorker" in repr(task) for task in asyncio.all_tasks() - before)

    await until(asked)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await until(gone)
