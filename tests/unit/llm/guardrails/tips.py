"""What the tests of the guardrails write: answers of a language model, and briefs for them."""

import json
from pathlib import Path

import yaml

from oo.llm.guardrails import Brief

HERE = Path(__file__).parent
TOPICS = ("move", "rest", "focus", "food", "people")
TITLES = {"en": "Rest a little", "de": "Ruh dich aus", "fr": "Repose-toi un peu", "es": "Descansa un poco"}


def answer(body: object, *, title: str | None = None, language: str = "en", **fields: object) -> str:
    """The JSON of a tip that has no fault but those of its texts."""
    title = TITLES[language] if title is None else title
    tip = {"title": title, "body": body, "language": language, "topic": "rest", "safety": "safe"}
    return json.dumps(tip | fields)


def brief(language: str = "en", *, words: tuple[str, ...] = (), identifiers: tuple[str, ...] = ()) -> Brief:
    return Brief(60, 240, language, TOPICS, words, identifiers)


def listed(name: str) -> dict[str, list[str]]:
    """The texts of a file beside this one, by language."""
    texts: dict[str, list[str]] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return texts
