"""What a written tip must be before a person sees it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Fault = Literal["not_a_tip", "title_length", "body_length", "control_characters", "foreign_link"]

# With a scheme, with www, or a bare name under a domain that advertising likes; plain prose holds none of them.
_LINK = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:|tel:)[^\s<>\"'()\[\]]+"
    r"|\b(?:[\w-]+\.)+(?:com|net|org|io|co|app|dev|ai|me|info|biz|shop|site|online|xyz|top|link|ly|gg)\b[^\s<>\"'()\[\]]*",
    re.IGNORECASE,
)
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
# Bidirectional overrides turn text around on the screen: what a person reads is then not what was checked.
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Draft(BaseModel):
    """A tip as a language model wrote it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest texts, in characters."""

    title: int
    body: int


def faults(text: str, limits: Limits, source: str) -> tuple[Draft | None, tuple[Fault, ...]]:
    """The draft in `text`, and what keeps it from being shown: nothing when it may be.

    Args:
        text: what the language model answered.
        limits: the longest title and body.
        source: what the caller wrote; a link may only come from there.
    """
    try:
        draft = Draft.model_validate_json(text)
    except ValidationError:
        return None, ("not_a_tip",)
    return draft, tuple(_faults(draft, limits, source))


def _faults(draft: Draft, limits: Limits, source: str) -> Iterator[Fault]:
    if not 0 < len(draft.title.strip()) <= len(draft.title) <= limits.title:
        yield "title_length"
    if not 0 < len(draft.body.strip()) <= len(draft.body) <= limits.body:
        yield "body_length"
    whole = f"{draft.title} {draft.body}"
    if _BIDIRECTIONAL.search(whole) or any(unicodedata.category(character) in _INVISIBLE for character in whole):
        yield "control_characters"
    if _links(whole) - _links(source):
        yield "foreign_link"


def _links(text: str) -> set[str]:
    return {match.rstrip(".,;:!?").casefold() for match in _LINK.findall(text)}
