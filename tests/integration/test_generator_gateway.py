import asyncio
import gc
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, get_args
from unittest.mock import Mock

import pytest
from litellm import ModelResponseStream
from pydantic import JsonValue, SecretStr

from oo.errors import AnswerLost, CompletionTooLong, GatewayFailed, GatewayTimedOut
from oo.llm.gateway import Completion, CompletionRequest, Message
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.llm.litellm_gateway.heard import Heard
from oo.llm.prices import Price
from tests.integration.chat_server import ChatServer, Mood, Reply, litellm_warnings
from tests.integration.waiting import until

pytestmark = litellm_warnings

TIP = json.dumps({"title": "Early night", "body": "Put the phone away at ten."})
KEY = "sk-not-to-be-told"
PERSONAL = "ada sleeps badly"
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "body": {"type": "string"}},
}
REQUEST = CompletionRequest((Message("system", "Be brief."), Message("user", PERSONAL)), SCHEMA, 99, 0.3, 2**31 + 5)
PRICE = Price(prompt=1, completion=10)
# By the server's count, 25 characters and 62 characters.
TOLD = Completion(TIP, "tiny-model-2026", 7, 16, 167e-6)
Make = Callable[..., LiteLLMGateway]
IMPOSSIBLE = '{"prompt_tokens": 123456789012345678901234567890, "completion_tokens": 3, "total_tokens": 4}'
both_ways = pytest.mark.parametrize("gateway_to", ["streaming", "whole"], indirect=True)


@pytest.fixture
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer(TIP) as server:
        yield server


@pytest.fixture
async def gateway_to(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes gateways to a server, with a secret key, and closes them."""
    stream = getattr(request, "param", "streaming") == "streaming"
    made: list[LiteLLMGateway] = []

    def make(chat: ChatServer, *models: str) -> LiteLLMGateway:
        names = models or ("openai/tiny",)
        prices = dict.fromkeys(names, PRICE)
        made.append(LiteLLMGateway(names, api_base=chat.api_base, api_key=SecretStr(KEY), prices=prices, stream=stream))
        return made[-1]

    yield make
    for gateway in made:
        await gateway.aclose()


def _by_model(**replies: Reply) -> Callable[[dict[str, Any]], Reply]:
    return lambda asked: replies[asked["model"]]


def _format(request: dict[str, Any]) -> str | None:
    kind: str | None = request.get("response_format", {}).get("type")
    return kind


async def test_an_openai_compatible_endpoint_answers_in_a_stream(chat: ChatServer, gateway_to: Make) -> None:
    assert await gateway_to(chat).complete(REQUEST, timeout=10) == TOLD

    assert chat.asked == [
        {
            "model": "tiny",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PERSONAL}],
            "max_tokens": 99,
            "temperature": 0.3,
            "seed": 5,
            "stream": True,
            "stream_options": {"include_usage": True},
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA},
            },
        }
    ]
    assert f"authorization: bearer {KEY}" in chat.headers[0].lower()


@pytest.mark.parametrize("gateway_to", ["whole"], indirect=True)
async def test_an_endpoint_that_cannot_stream_is_asked_for_the_whole(chat: ChatServer, gateway_to: Make) -> None:
    assert await gateway_to(chat).complete(REQUEST, timeout=10) == TOLD

    assert not chat.asked[0].keys() & {"stream", "stream_options"}


@both_ways
@pytest.mark.parametrize("name", ["", "tiny\0model", "x" * 257])
async def test_a_name_that_no_decision_could_be_recorded_with_gives_way_to_the_one_that_was_asked_for(
    chat: ChatServer, gateway_to: Make, name: str
) -> None:
    chat.model = name

    assert (await gateway_to(chat).complete(REQUEST, timeout=10)).model == "openai/tiny"


@both_ways
async def test_tokens_that_nobody_tells_are_counted_without_a_network(
    chat: ChatServer, gateway_to: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.tells_usage = False
    # LiteLLM would fetch a tokenizer for a model of this name.
    gateway = gateway_to(chat, "openai/llama-3-tiny")
    look_up = Mock(wraps=socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    completion = await gateway.complete(REQUEST, timeout=10)

    assert 8 <= completion.prompt_tokens <= gateway.quote(REQUEST).prompt_tokens
    assert 15 <= completion.completion_tokens <= 25
    assert completion.cost_usd == pytest.approx(PRICE.of(completion.prompt_tokens, completion.completion_tokens))
    assert {call.args[0] for call in look_up.call_args_list} <= {"127.0.0.1"}


@pytest.mark.parametrize(
    ("gateway_to", "mood"),
    [("streaming", "silent"), ("streaming", "slow"), ("whole", "silent")],
    indirect=["gateway_to"],
)
async def test_an_endpoint_that_takes_too_long_is_left_after_the_timeout(
    chat: ChatServer, gateway_to: Make, mood: Mood
) -> None:
    gateway = gateway_to(chat)
    await gateway.warm()
    chat.mood = mood
    chat.pause = 0.1
    started = time.monotonic()

    with pytest.raises(GatewayTimedOut, match=r"no answer within 0\.3 s: openai/tiny took over 0\.3 s"):
        await gateway.complete(REQUEST, timeout=0.3)

    assert time.monotonic() - started < 5
    await asyncio.wait_for(chat.hung_up_on.wait(), 2)


@both_ways
@pytest.mark.parametrize("mood", ["failing", "rate_limited", "garbled", "cut_off", "choiceless", "hanging_up"])
async def test_an_endpoint_that_fails_is_asked_once_and_its_failure_has_one_name(
    chat: ChatServer, gateway_to: Make, mood: Mood
) -> None:
    chat.mood = mood
    started = time.monotonic()

    with pytest.raises(GatewayFailed, match="openai/tiny gave") as failure:
        await gateway_to(chat).complete(REQUEST, timeout=60)

    # `rate_limited` says to come back in an hour.
    assert time.monotonic() - started < 10
    assert type(failure.value) in {GatewayFailed, AnswerLost}
    assert len(chat.asked) == 1


@both_ways
@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "7",
        "{",
        '"text"',
        "{}",
        '{"choices": null}',
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [{"delta": null, "message": null}]}',
        '{"choices": [{"delta": {"content": 7}, "message": {"content": {"a": 1}}}]}',
        '{"choices": [{"delta": {"content": ["a"]}, "message": {"content": ["a"]}}], "usage": "much"}',
        '{"choices": {"a": 1}, "usage": {"prompt_tokens": "x"}}',
        '{"error": {"message": "ada sleeps badly"}}',
        '{"error": "ada sleeps badly"}',
        '{"choices": [{"delta": {"reasoning_content": {"a": 1}}, "message": {"reasoning_content": {"a": 1}}}]}',
    ],
)
async def test_what_is_no_chat_completion_fails_under_the_same_name(
    chat: ChatServer, gateway_to: Make, body: str
) -> None:
    chat.reply_to = lambda _: Reply(body, "odd")

    with pytest.raises(GatewayFailed, match="openai/tiny gave") as failure:
        await gateway_to(chat).complete(REQUEST, timeout=10)

    assert PERSONAL not in str(failure.value)


@both_ways
async def test_usage_that_cannot_be_is_counted_here(chat: ChatServer, gateway_to: Make) -> None:
    said = json.dumps({"content": "one two three"})
    body = f'{{"model": "m", "choices": [{{"index": 0, "delta": {said}, "message": {said}}}], "usage": %s}}'
    gateway = gateway_to(chat)

    for usage in ("null", "{}", '{"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12}', IMPOSSIBLE):
        chat.reply_to = lambda _, usage=usage: Reply(body % usage, "odd")
        completion = await gateway.complete(REQUEST, timeout=10)
        assert 3 <= completion.completion_tokens <= 5
        assert 8 <= completion.prompt_tokens < 100
        assert completion.cost_usd > 0


async def test_an_answer_without_end_is_cut_off_while_it_comes(chat: ChatServer, gateway_to: Make) -> None:
    chat.mood = "endless"

    with pytest.raises(CompletionTooLong, match="openai/tiny went on past 99 tokens"):
        await gateway_to(chat).complete(REQUEST, timeout=30)

    await asyncio.wait_for(chat.hung_up_on.wait(), 2)
    assert len(chat.asked) == 1
    # 99 tokens are 25 kB with all that the protocol writes around them; the rest was on its way.
    assert chat.sent < 10_000_000


@both_ways
async def test_an_answer_of_three_times_the_length_is_too_long_whatever_tokenizer_counts(
    chat: ChatServer, gateway_to: Make
) -> None:
    said = json.dumps({"content": "one " * 300})
    body = f'{{"model": "m", "choices": [{{"index": 0, "delta": {said}, "message": {said}}}]}}'
    chat.reply_to = lambda _: Reply(body, "odd")

    with pytest.raises(CompletionTooLong):
        await gateway_to(chat).complete(REQUEST, timeout=10)


@both_ways
async def test_a_tokenizer_that_counts_fewer_than_ours_makes_no_answer_too_long(
    chat: ChatServer, gateway_to: Make
) -> None:
    chat.tells_usage = False
    # The server's tokens have four characters; ours fewer.
    chat.text = "Grüße! " * 100

    completion = await gateway_to(chat).complete(replace(REQUEST, max_tokens=40), timeout=10)

    assert completion.text == chat.text[:160]
    assert completion.completion_tokens == 40


async def test_others_have_their_turn_between_the_parts_of_an_answer_that_arrives_as_a_whole(
    chat: ChatServer, gateway_to: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A thousand pieces, and no two alike: LiteLLM breaks off a model that repeats itself.
    chat.text = "".join(f"{number:4}" for number in range(1_000))
    add, heard, most_in_one_go = Heard._add, 0, 0  # noqa: SLF001  # where a part is heard

    def counted(self: Heard, words: object) -> None:
        nonlocal heard
        heard += 1
        add(self, words)

    async def others() -> None:
        nonlocal most_in_one_go
        before = heard
        while True:
            await asyncio.sleep(0)
            most_in_one_go, before = max(most_in_one_go, heard - before), heard

    monkeypatch.setattr(Heard, "_add", counted)
    gateway = gateway_to(chat)
    await gateway.warm()
    running = asyncio.create_task(others())
    await gateway.complete(replace(REQUEST, max_tokens=2_000), timeout=60)
    running.cancel()

    assert heard > 1_000
    assert most_in_one_go <= 2


@both_ways
async def test_what_no_answer_may_be_is_not_even_read_to_its_end(
    chat: ChatServer, gateway_to: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.mood = "oversized"
    heard: list[object] = []
    monkeypatch.setattr(Heard, "_add", lambda _, words: heard.append(words))

    with pytest.raises(CompletionTooLong, match="openai/tiny went on past 99 tokens"):
        await gateway_to(chat).complete(REQUEST, timeout=60)

    assert not heard
    assert "accept-encoding: identity" in chat.headers[0].lower()


async def test_thoughts_without_end_are_cut_off_too(chat: ChatServer, gateway_to: Make) -> None:
    chat.mood = "musing"

    with pytest.raises(CompletionTooLong):
        await gateway_to(chat).complete(REQUEST, timeout=30)

    await asyncio.wait_for(chat.hung_up_on.wait(), 2)


@both_ways
@pytest.mark.parametrize("usage", ["told", "untold"])
async def test_an_answer_that_comes_at_once_may_not_be_longer_either(
    chat: ChatServer, gateway_to: Make, usage: str
) -> None:
    chat.mood = "oversized"
    chat.tells_usage = usage == "told"

    with pytest.raises(CompletionTooLong):
        await gateway_to(chat).complete(REQUEST, timeout=30)


@both_ways
async def test_a_short_answer_for_which_more_is_charged_than_was_allowed_is_too_long(
    chat: ChatServer, gateway_to: Make
) -> None:
    said = json.dumps({"content": "one two three"})
    usage = json.dumps({"prompt_tokens": 5, "completion_tokens": 100, "total_tokens": 105})
    body = f'{{"model": "m", "choices": [{{"index": 0, "delta": {said}, "message": {said}}}], "usage": {usage}}}'
    chat.reply_to = lambda _: Reply(body, "odd")

    with pytest.raises(CompletionTooLong, match="past 99 tokens"):
        await gateway_to(chat).complete(REQUEST, timeout=10)


@pytest.mark.parametrize("mood", ["failing", "refusing", "rate_limited", "hanging_up"])
async def test_the_next_model_stands_in_for_one_that_refuses_and_only_it_is_paid(
    chat: ChatServer, gateway_to: Make, mood: Mood
) -> None:
    chat.reply_to = _by_model(first=Reply(TIP, mood), second=Reply(TIP))

    assert await gateway_to(chat, "openai/first", "openai/second").complete(REQUEST, timeout=10) == TOLD


@pytest.mark.parametrize(
    ("gateway_to", "mood"),
    [("streaming", "silent"), ("streaming", "slow"), ("whole", "silent")],
    indirect=["gateway_to"],
)
async def test_a_model_that_hangs_leaves_its_stand_in_time(chat: ChatServer, gateway_to: Make, mood: Mood) -> None:
    chat.pause = 0.4
    chat.reply_to = _by_model(first=Reply(TIP, mood), second=Reply(TIP))
    gateway = gateway_to(chat, "openai/first", "openai/second")
    await gateway.warm()

    completion = await gateway.complete(REQUEST, timeout=2)

    assert completion.text == TIP
    # What the first one may have written is charged as well.
    assert completion.cost_usd == pytest.approx(TOLD.cost_usd + gateway.quote(REQUEST).cost_usd / 2)


async def test_the_next_model_stands_in_for_one_whose_stream_breaks(chat: ChatServer, gateway_to: Make) -> None:
    chat.reply_to = _by_model(first=Reply(TIP, "cut_off"), second=Reply(TIP))
    gateway = gateway_to(chat, "openai/first", "openai/second")

    completion = await gateway.complete(REQUEST, timeout=10)

    assert completion.text == TIP
    assert completion.cost_usd == pytest.approx(TOLD.cost_usd + gateway.quote(REQUEST).cost_usd / 2)


async def test_an_endpoint_that_refuses_every_format_is_asked_once_a_call_until_it_answers(
    chat: ChatServer, gateway_to: Make
) -> None:
    gateway = gateway_to(chat)
    chat.mood = "refusing"
    asked = []
    for _ in range(3):
        with pytest.raises(GatewayFailed):
            await gateway.complete(REQUEST, timeout=60)
        asked.append(len(chat.asked))
    chat.mood = "helpful"

    answers = [await gateway.complete(REQUEST, timeout=60) for _ in range(2)]

    assert asked == [4, 5, 6]
    assert [answer.text for answer in answers] == [TIP, TIP]
    assert chat.asked[-1]["response_format"]["type"] == "json_schema"


async def test_models_are_asked_in_their_order_and_all_failures_are_told(chat: ChatServer, gateway_to: Make) -> None:
    chat.reply_to = _by_model(a=Reply(TIP, "failing"), b=Reply(TIP, "silent"), c=Reply(TIP, "rate_limited"))
    gateway = gateway_to(chat, "openai/a", "openai/b", "openai/c")

    with pytest.raises(
        GatewayTimedOut,
        match=r"within 1 s: openai/a gave no answer: \w+; openai/b took over 0\.\d+ s; openai/c gave no answer: \w+$",
    ):
        await gateway.complete(REQUEST, timeout=1)

    assert [asked["model"] for asked in chat.asked] == ["a", "b", "c"]


async def test_an_answer_that_is_too_long_is_not_asked_of_the_next_as_well(chat: ChatServer, gateway_to: Make) -> None:
    chat.reply_to = _by_model(first=Reply(TIP, "endless"), second=Reply(TIP))

    with pytest.raises(CompletionTooLong):
        await gateway_to(chat, "openai/first", "openai/second").complete(REQUEST, timeout=10)

    assert len(chat.asked) == 1


@both_ways
@pytest.mark.parametrize(
    ("refusal", "known", "asked"),
    [
        (Reply("", "refusing"), ["json_schema", "json_object"], ["json_schema", "json_schema"]),
        (Reply("", "refusing"), ["json_object"], ["json_schema", "json_object", "json_object"]),
        # The server of llama-cpp-python.
        (Reply("should be 'json_object'", "failing"), ["json_object"], ["json_schema", "json_object", "json_object"]),
        (Reply("", "refusing"), [None], ["json_schema", "json_object", "json_object", None, None]),
    ],
)
async def test_an_endpoint_is_asked_in_the_strictest_format_that_it_takes_which_is_remembered(
    chat: ChatServer, gateway_to: Make, refusal: Reply, known: list[str | None], asked: list[str | None]
) -> None:
    chat.reply_to = lambda request: Reply(TIP) if _format(request) in known else refusal
    gateway = gateway_to(chat)

    assert await gateway.complete(REQUEST, timeout=10) == TOLD
    assert await gateway.complete(REQUEST, timeout=10) == TOLD

    assert [_format(request) for request in chat.asked] == asked


async def test_the_format_of_llama_cpp_carries_the_schema(chat: ChatServer, gateway_to: Make) -> None:
    chat.reply_to = lambda request: Reply(
        TIP, "helpful" if request["response_format"]["type"] == "json_object" else "refusing"
    )

    await gateway_to(chat).complete(REQUEST, timeout=10)

    assert chat.asked[1]["response_format"] == {"type": "json_object", "schema": SCHEMA}


async def test_a_request_that_is_refused_in_every_format_does_not_spoil_the_next(
    chat: ChatServer, gateway_to: Make
) -> None:
    gateway = gateway_to(chat)
    chat.mood = "refusing"
    with pytest.raises(GatewayFailed, match="BadRequestError"):
        await gateway.complete(REQUEST, timeout=10)

    chat.mood = "helpful"
    await gateway.complete(REQUEST, timeout=10)

    assert chat.asked[-1]["response_format"]["type"] == "json_schema"


@both_ways
async def test_calls_share_connections_whatever_time_they_have(chat: ChatServer, gateway_to: Make) -> None:
    gateway = gateway_to(chat)

    for seconds in range(10, 20):
        await gateway.complete(REQUEST, timeout=seconds)

    assert (len(chat.asked), chat.connections) == (10, 1)


@pytest.mark.parametrize(
    ("gateway_to", "mood"),
    [("streaming", "silent"), ("streaming", "slow"), ("whole", "silent")],
    indirect=["gateway_to"],
)
async def test_a_call_that_is_cancelled_hangs_up_and_leaves_nothing_running(
    chat: ChatServer, gateway_to: Make, mood: Mood
) -> None:
    gateway = gateway_to(chat)
    await gateway.complete(REQUEST, timeout=10)
    chat.pause = 0.1
    chat.mood = mood
    before, threads = asyncio.all_tasks(), threading.active_count()
    calls = [asyncio.create_task(gateway.complete(REQUEST, timeout=60)) for _ in range(20)]

    async def all_asked() -> bool:
        return len(chat.asked) == 21

    async def all_gone() -> bool:
        # LiteLLM's log has one task and one thread, however many calls there are.
        return all("LoggingWorker" in repr(task) for task in asyncio.all_tasks() - before)

    await until(all_asked)

    for call in calls:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
    await until(all_gone)
    assert chat.hung_up_on.is_set()
    # The pools of the event loop and of LiteLLM have a few threads, however many calls there are.
    assert threading.active_count() < threads + 12


@pytest.mark.parametrize("mood", ["endless", "slow", "cut_off", "helpful"])
async def test_parts_of_an_answer_are_not_left_to_the_collector(chat: ChatServer, gateway_to: Make, mood: Mood) -> None:
    """What there are hundreds of a call would hold up everybody when it is collected all at once."""

    def parts() -> int:
        return sum(isinstance(each, ModelResponseStream) for each in gc.get_objects())

    async def none_left() -> bool:
        return parts() <= before + 1  # that of an error's frame

    chat.mood = mood
    gateway = gateway_to(chat)
    gc.collect()
    before = parts()
    gc.disable()
    try:
        await asyncio.gather(gateway.complete(REQUEST, timeout=0.3), return_exceptions=True)
        await until(none_left)
    finally:
        gc.enable()


@both_ways
@pytest.mark.parametrize("mood", get_args(Mood))
async def test_neither_key_nor_prompt_nor_answer_is_told_in_any_mood(
    chat: ChatServer,
    gateway_to: Make,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    mood: Mood,
) -> None:
    chat.mood = mood
    caplog.set_level(logging.INFO)
    for library in ("LiteLLM", "LiteLLM Router"):
        caplog.set_level(logging.INFO, library)

    [outcome] = await asyncio.gather(gateway_to(chat).complete(REQUEST, timeout=1), return_exceptions=True)
    # What a task of LiteLLM's own fails with is logged when it is collected.
    await asyncio.sleep(0.05)
    gc.collect()

    told = caplog.text + "".join(capfd.readouterr())
    if isinstance(outcome, BaseException):
        # Who logs an error logs its cause and context along with it.
        assert outcome.__cause__ is outcome.__context__ is None
        told += str(outcome)
    assert chat.asked
    for secret in (KEY, PERSONAL, "Early night", "Put the phone"):
        assert secret not in told


@both_ways
async def test_warming_up_asks_nobody_and_imports_all_that_a_call_needs(chat: ChatServer, gateway_to: Make) -> None:
    gateway = gateway_to(chat)

    await gateway.warm()
    assert chat.asked == []

    imported = set(sys.modules)
    await gateway.complete(REQUEST, timeout=10)
    assert set(sys.modules) - imported == set()
