"""The generator from its HTTP body to the language model's endpoint and back; bus and store are their fakes here."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bentos.generator.app import create_app
from oo.decisions.generate import TipWriter
from oo.llm.gateway import Gateway
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.llm.offline_gateway import OfflineGateway
from oo.llm.prices import Price
from oo.running import Running
from oo.wiring.process import new_id, now
from tests.access import anyone
from tests.generator import CAPS, TIP, prompts, tip_writer
from tests.integration.chat_server import ChatServer, Mood, litellm_warnings

pytestmark = litellm_warnings

TEMPLATE = prompts().get("v1").template("en")
BODY: dict[str, Any] = {
    "request_id": "0198f000-0000-7000-8000-000000000001",
    "tenant_id": "example",
    "user_id": "ada",
    "profile_features": {"goal": "rest"},
}
TIMEOUT = 3.0
PRICE = Price(prompt=1, completion=2)
SHOWN = {name: value for name, value in TIP.items() if name != "safety"}


@asynccontextmanager
async def _web(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    caps = replace(CAPS, seconds=TIMEOUT)
    writer = tip_writer(gateway, caps=caps, seconds=TIMEOUT, now=now, new_id=new_id)

    @asynccontextmanager
    async def connected() -> AsyncIterator[Running[TipWriter]]:
        yield Running(writer, (), lambda: True)

    app = create_app(connected, anyone, max_body_bytes=10_000)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://oo") as web:
        yield web


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    """The generator with the offline model."""
    async with _web(OfflineGateway()) as client:
        yield client


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer(json.dumps(TIP)) as server:
        yield server


@pytest.fixture
async def chatting(chat: ChatServer) -> AsyncIterator[httpx.AsyncClient]:
    """The generator with a model behind an OpenAI-compatible endpoint."""
    gateway = LiteLLMGateway(["openai/tiny"], api_base=chat.api_base, prices={"openai/tiny": PRICE})
    await gateway.warm()
    async with _web(gateway) as client:
        yield client
    await gateway.aclose()


async def test_the_offline_model_writes_a_tip(web: httpx.AsyncClient) -> None:
    response = await web.post("/generate", json=BODY)

    assert response.status_code == 200
    answer = response.json()
    assert answer["decision_id"] == BODY["request_id"]
    assert answer["tip"]["tip_id"] == f"tip-{BODY['request_id']}"
    assert (answer["prompt_version"], answer["model"], answer["degraded"]) == (
        "v1",
        {"name": "offline", "version": ""},
        [],
    )


async def test_an_endpoint_writes_a_tip(chatting: httpx.AsyncClient) -> None:
    answer = (await chatting.post("/generate", json=BODY)).json()

    assert answer["tip"] == {"tip_id": f"tip-{BODY['request_id']}", **SHOWN}
    assert answer["model"] == {"name": "tiny-model-2026", "version": ""}
    usage = answer["usage"]
    assert usage["prompt_tokens"] > usage["completion_tokens"] > 0
    assert usage["cost_usd"] == pytest.approx(PRICE.of(usage["prompt_tokens"], usage["completion_tokens"]))
    assert answer["degraded"] == []


@pytest.mark.parametrize(
    ("mood", "text", "reason"),
    [
        ("silent", "", "timeout"),
        ("failing", "", "llm_failed"),
        ("refusing", "", "llm_failed"),
        ("rate_limited", "", "llm_failed"),
        ("garbled", "", "llm_failed"),
        ("cut_off", json.dumps(TIP), "llm_failed"),
        ("truncated", json.dumps(TIP), "guardrail:not_a_tip"),
        ("endless", json.dumps(TIP), "completion_too_long"),
        ("slow", json.dumps(TIP), "timeout"),
        ("choiceless", "", "llm_failed"),
        ("hanging_up", "", "llm_failed"),
        ("helpful", "Here is your tip!", "guardrail:not_a_tip"),
        (
            "helpful",
            json.dumps(TIP | {"body": "Read more about it at https://phish.example tonight."}),
            "guardrail:foreign_link",
        ),
    ],
)
async def test_a_model_that_is_no_help_costs_the_person_neither_the_tip_nor_the_time(
    chatting: httpx.AsyncClient, chat: ChatServer, mood: Mood, text: str, reason: str
) -> None:
    chat.mood, chat.text, chat.pause = mood, text, TIMEOUT
    started = time.monotonic()

    response = await chatting.post("/generate", json=BODY)

    assert time.monotonic() - started < TIMEOUT + 1
    answer = response.json()
    assert (response.status_code, answer["degraded"], answer["model"]) == (200, [reason], None)
    assert (answer["tip"]["title"], answer["tip"]["body"]) == (TEMPLATE.title, TEMPLATE.body)


async def test_a_retry_gets_the_first_tip_though_the_model_writes_another(
    chatting: httpx.AsyncClient, chat: ChatServer
) -> None:
    first = await chatting.post("/generate", json=BODY)
    chat.text = json.dumps(TIP | {"title": "Another"})

    again = await chatting.post("/generate", json=BODY)

    assert again.json() == first.json()


async def test_the_header_names_the_decision_when_the_body_does_not(web: httpx.AsyncClient) -> None:
    unnamed = {key: value for key, value in BODY.items() if key != "request_id"}

    response = await web.post("/generate", json=unnamed, headers={"x-request-id": BODY["request_id"]})

    assert response.json()["decision_id"] == BODY["request_id"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": ["SECRET"]}, "user_id"),
        ({"mood": "SECRET"}, "mood"),
        ({"locale": "SECRET; drop"}, "locale"),
        ({"topic": "SECRET" * 40}, "topic"),
        ({"recent_tips": ["SECRET"] * 21}, "recent_tips"),
        ({"n": 6}, "n"),
        ({"prompt_version": ""}, "prompt_version"),
        ({"profile_features": {"goal": ["SECRET"]}}, "profile_features.goal"),
    ],
)
async def test_a_malformed_body_is_refused_by_field_and_not_repeated(
    web: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    response = await web.post("/generate", json=BODY | changed)

    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_body"
    assert error["fields"][0]["field"].startswith(field)
    assert "SECRET" not in response.text


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"user_id": NaN}', b""])
async def test_what_is_no_json_object_is_refused(web: httpx.AsyncClient, body: bytes) -> None:
    response = await web.post("/generate", content=body, headers={"content-type": "application/json"})

    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_body"


async def test_half_a_surrogate_pair_is_refused_since_no_log_could_hold_it(web: httpx.AsyncClient) -> None:
    body = json.dumps(BODY | {"profile_features": {"goal": "\ud800"}}).encode()

    response = await web.post("/generate", content=body, headers={"content-type": "application/json"})

    assert response.status_code == 422
    assert response.json()["error"]["fields"][0]["field"] == "body"


@pytest.mark.parametrize(
    ("changed", "status", "code", "told"),
    [
        ({"prompt_version": "v9"}, 422, "unknown_prompt_version", "known: v1, v2, v3"),
        ({"tenant_id": "nobody"}, 422, "unknown_tenant", "'nobody'"),
        ({"user_id": "bob"}, 409, "decision_conflict", "request_id"),
        ({"profile_features": {"goal": "x" * 10_000}}, 413, "body_too_large", "10000 bytes"),
    ],
)
async def test_a_refusal_has_its_status_its_code_and_its_remedy(
    web: httpx.AsyncClient, changed: dict[str, Any], status: int, code: str, told: str
) -> None:
    await web.post("/generate", json=BODY)

    response = await web.post("/generate", json=BODY | changed)

    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert told in error["message"]
