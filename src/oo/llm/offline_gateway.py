"""The language model of a stack without one: it picks from tips that people wrote."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import JsonValue, TypeAdapter

from oo.errors import CompletionTooLong, GatewayFailed
from oo.llm.gateway import Completion, CompletionRequest, Quote

MODEL = "offline"
TIPS = Path(__file__).with_name("offline_tips.yaml")
_CHARACTERS_A_TOKEN = 4


class Tip(NamedTuple):
    """One tip, as far as people wrote it."""

    topic: str
    title: str
    body: str


class OfflineGateway:
    """Answers at once, for nothing and without a network: the same tip to the same messages and seed.

    It heeds what the schema says of `language` and `topic` and how long `title` and `body` may be. A token is four
    characters, rounded up.
    """

    def quote(self, request: CompletionRequest) -> Quote:
        """See `Gateway.quote`."""
        return Quote(_tokens("".join(message.content for message in request.messages)), 0.0)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ARG002, ASYNC109  # the port's; nothing here takes time
    ) -> Completion:
        """See `Gateway.complete`."""
        language = _allowed(request.schema, "language", "en")[0]
        topics = _allowed(request.schema, "topic")
        fitting = [
            tip
            for tip in tips().get(language, ())
            if (not topics or tip.topic in topics)
            and len(tip.title) <= _longest(request.schema, "title")
            and len(tip.body) <= _longest(request.schema, "body")
        ]
        if not fitting:
            raise GatewayFailed(
                f"the offline model has no tip in that language, on that topic and of that length: it writes "
                f"{', '.join(tips())}; add one to {TIPS.name}"
            )
        asked = json.dumps([[asdict(message) for message in request.messages], request.seed])
        tip = fitting[int.from_bytes(sha256(asked.encode()).digest()) % len(fitting)]
        text = json.dumps(
            {"title": tip.title, "body": tip.body, "language": language, "topic": tip.topic, "safety": "safe"},
            ensure_ascii=False,
        )
        if _tokens(text) > request.max_tokens:
            raise CompletionTooLong(f"a tip of the offline model has {_tokens(text)} tokens, over {request.max_tokens}")
        return Completion(text, MODEL, self.quote(request).prompt_tokens, _tokens(text), 0.0)


@cache
def tips() -> Mapping[str, tuple[Tip, ...]]:
    """All tips by language."""
    pool = TypeAdapter(dict[str, dict[str, list[dict[str, str]]]]).validate_python(
        yaml.safe_load(TIPS.read_text(encoding="utf-8"))
    )
    return {
        language: tuple(Tip(topic, **written) for topic, entries in topics.items() for written in entries)
        for language, topics in pool.items()
    }


def _allowed(schema: Mapping[str, JsonValue], name: str, *otherwise: str) -> tuple[str, ...]:
    return tuple(_property(schema, name).get("enum", otherwise))


def _longest(schema: Mapping[str, JsonValue], name: str) -> float:
    longest: float = _property(schema, name).get("maxLength", float("inf"))
    return longest


def _property(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema.get("properties", {}).get(name, {})
    return found


def _tokens(text: str) -> int:
    return ceil(len(text) / _CHARACTERS_A_TOKEN)
