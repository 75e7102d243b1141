"""The characters of a tip: what a keyboard for its language writes, and a few emojis."""

import re
import unicodedata
from collections.abc import Iterator

from oo.llm.guardrails.faults import Fault

MAX_EMOJIS = 3

# A list of what may stand beats one of what may not: Unicode grows, and what is invisible today has many relatives.
_ORDINARY = (
    "A-Za-z0-9À-ÖØ-öø-ÿŒœŸẞ"
    + re.escape(" .,;:!?¡¿'\"()[]{}<>-/\\|&%+*=#@_^~`$€£§°…–—‘’‚“”„«»‹›·×½¼¾²³")  # noqa: RUF001  # as it is printed
    + "\u00a0\u202f\u2009"
)
_OTHERS = re.compile(f"[^{_ORDINARY}]")
_PICTURE = "[\u2600-\u2775\u2794-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]"
_EMOJI = re.compile(f"{_PICTURE}[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d{_PICTURE}[\ufe0f\U0001f3fb-\U0001f3ff]*)*")


def faults(text: str) -> Iterator[Fault]:
    """`control_characters`, `emojis` and `language` for letters of other alphabets, where they apply."""
    # An accent that stands as a character of its own is fine where it and its letter are one character elsewhere.
    text = unicodedata.normalize("NFC", text)
    emojis = _EMOJI.findall(text)
    if len(emojis) > MAX_EMOJIS:
        yield "emojis"
    others = _OTHERS.findall(_EMOJI.sub("", text) if emojis else text)
    kinds = {unicodedata.category(other)[0] for other in others}
    if kinds & {"L", "N"}:
        yield "language"
    if kinds - {"L", "N"}:
        yield "control_characters"
