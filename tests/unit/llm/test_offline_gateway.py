import json
from typing import Any

import pytest

from oo.errors import CompletionTooLong, GatewayFailed
from oo.llm.gateway import Completion, CompletionRequest, Message, Quote
from oo.llm.offline_gateway import MODEL, OfflineGateway, tips

TOPICS = ["move", "rest", "focus", "food", "people"]


def _schema(language: str = "en", topics: list[str] = TOPICS, title: int = 60, body: int = 240) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": title},
            "body": {"type": "string", "maxLength": body},
            "language": {"type": "string", "enum": [language]},
            "topic": {"type": "string", "enum": topics},
            "safety": {"type": "string", "enum": ["safe", "sensitive", "unsafe"]},
        },
    }


def _request(schema: dict[str, Any], seed: int = 1, text: str = "Write a tip.", most: int = 200) -> CompletionRequest:
    return CompletionRequest((Message("user", text),), schema, most, 0.7, seed)


async def _tip(request: CompletionRequest) -> dict[str, str]:
    tip: dict[str, str] = json.loads((await OfflineGateway().complete(request, timeout=1)).text)
    return tip


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
@pytest.mark.parametrize("topic", TOPICS)
async def test_every_topic_has_a_tip_in_every_language(language: str, topic: str) -> None:
    tip = await _tip(_request(_schema(language, [topic])))

    assert tip.keys() == {"title", "body", "language", "topic", "safety"}
    assert (tip["language"], tip["topic"], tip["safety"]) == (language, topic, "safe")
    assert (tip["title"], tip["body"]) in [(known.title, known.body) for known in tips()[language]]


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_tips_are_short_and_all_different(language: str) -> None:
    pool = tips()[language]

    assert len(pool) >= 6
    assert {tip.topic for tip in pool} == set(TOPICS)
    assert len({tip.title for tip in pool}) == len({tip.body for tip in pool}) == len(pool)
    assert all(0 < len(tip.title) <= 40 and 0 < len(tip.body) <= 160 for tip in pool)


async def test_the_same_messages_and_seed_give_the_same_tip_and_others_give_others() -> None:
    drawn = [(await _tip(_request(_schema(), seed)))["title"] for seed in range(60)]

    assert drawn == [(await _tip(_request(_schema(), seed)))["title"] for seed in range(60)]
    assert set(drawn) == {tip.title for tip in tips()["en"]}
    texts = {(await _tip(_request(_schema(), text=f"Write a tip, {number}.")))["title"] for number in range(60)}
    assert texts == set(drawn)


async def test_only_a_tip_that_is_short_enough_is_chosen() -> None:
    shortest = min(tips()["en"], key=lambda tip: len(tip.body))

    chosen = [await _tip(_request(_schema(body=len(shortest.body)), seed)) for seed in range(20)]

    assert {tip["body"] for tip in chosen} == {shortest.body}
    short = [await _tip(_request(_schema(title=14), seed)) for seed in range(20)]
    assert max(len(tip["title"]) for tip in short) <= 14


async def test_without_a_language_it_is_english() -> None:
    assert (await _tip(_request({"type": "object"})))["language"] == "en"


@pytest.mark.parametrize("schema", [_schema("it"), _schema(topics=["chess"]), _schema(title=3), _schema(body=3)])
async def test_what_it_has_no_tip_for_fails_and_says_where_to_add_one(schema: dict[str, Any]) -> None:
    with pytest.raises(GatewayFailed, match=r"no tip .* it writes en, de, fr, es; add one to offline_tips\.yaml"):
        await OfflineGateway().complete(_request(schema), timeout=1)


async def test_a_token_is_four_characters_and_nothing_costs_anything() -> None:
    request = _request(_schema(), text="123456789")
    completion = await OfflineGateway().complete(request, timeout=1)

    assert completion == Completion(completion.text, MODEL, 3, -(-len(completion.text) // 4), 0.0)
    assert OfflineGateway().quote(request) == Quote(3, 0.0)


async def test_an_answer_longer_than_asked_for_is_refused() -> None:
    with pytest.raises(CompletionTooLong, match="tokens, over 10"):
        await OfflineGateway().complete(_request(_schema(), most=10), timeout=1)
