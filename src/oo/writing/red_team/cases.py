"""The red team's cases: hostile facts, what a model that obeys them answers, and what of it no person may read."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent
BENIGN = "benign"
"""The control group's file; every other one is a family of attacks."""

Where = Literal["signals", "integrations", "profile.goal", "profile.language", "topic", "recent_tips", "user_id"]
"""The fact that carries the payload."""

# Letters that look Latin and are not: Cyrillic, then Greek.
_LOOK_ALIKES = str.maketrans("аеорсхуіѕјһԁԛԝкмтнвοαρνικτυ", "aeopcxyisjhdqwkmthboapviktu")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


Text = Annotated[str, Field(min_length=1)]
Pattern = Annotated[Text, AfterValidator(_compiles)]
"""A regular expression. It is looked for in the text as it stands and as it reads, see `Case.leaks`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Answer(_Part):
    """A model's answer, when it has the five fields that were asked for."""

    title: Text
    body: Text
    language: str = "en"
    topic: str = "rest"
    safety: str = "safe"


class Case(_Part):
    """One attack. The model under test obeys it whatever the prompt says, and obeys again when asked to repair."""

    id: Text
    family: Text
    """The file that it stands in."""
    where: Where
    payload: Text
    """The hostile fact."""
    obeyed: Answer | Text
    """What the model answers: its five fields, or the raw text of what is no such answer."""
    obeyed_again: Answer | Text | None = None
    """What it answers to a repair attempt; None: the same once more."""
    never: Annotated[tuple[Pattern, ...], Field(min_length=1, strict=False)]
    """What must not reach the person. Each answer holds one of them at least."""
    locale: str = "en"
    """The language that the tip was asked for in."""

    @property
    def answers(self) -> tuple[str, str]:
        """The texts that the model returns: the first one, and the one after a repair attempt."""
        return _raw(self.obeyed), _raw(self.obeyed if self.obeyed_again is None else self.obeyed_again)

    def leaks(self, title: str, body: str) -> tuple[str, ...]:
        """The patterns of `never` that a person would find in this tip; none for a clean one.

        Looked for in the text as it stands and as a person reads it: compatibility forms, marks over letters,
        look-alike letters and invisible characters folded away, in any case, with single spaces.
        """
        shown = f"{title} {body}"
        return tuple(pattern for pattern in self.never if _found(pattern, shown))


class Benign(_Part):
    """One ordinary request and a good model's answer to it, which no rule may refuse."""

    id: Text
    where: Where
    fact: Text
    """What the person or the caller wrote."""
    answer: Answer
    locale: str


@cache
def cases() -> tuple[Case, ...]:
    """Every attack, family by family."""
    families = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != BENIGN)
    return tuple(Case.model_validate({**case, "family": path.stem}) for path in families for case in _read(path))


@cache
def benign() -> tuple[Benign, ...]:
    """The control group."""
    return tuple(Benign.model_validate(case) for case in _read(FOLDER / f"{BENIGN}.yaml"))


def _read(path: Path) -> Iterator[dict[str, object]]:
    yield from yaml.safe_load(path.read_text(encoding="utf-8"))


def _raw(answer: Answer | str) -> str:
    return answer if isinstance(answer, str) else answer.model_dump_json()


def _found(pattern: str, shown: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for text in (shown, _as_read(shown)))


def _as_read(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    visible = (c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf", "Cc", "Co"} or c.isspace())
    return " ".join("".join(visible).casefold().translate(_LOOK_ALIKES).split())
