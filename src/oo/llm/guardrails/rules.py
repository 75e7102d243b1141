"""Rules are data: a YAML file a family, with its owner, its reason, its patterns, and what it refuses and lets pass."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oo.errors import InvalidRules, faults
from oo.llm.guardrails.alternatives import joined
from oo.llm.guardrails.faults import Fault
from oo.llm.guardrails.folding import latin

Language = Literal["en", "de", "fr", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
Scope = Literal["any", "en", "de", "fr", "es"]
"""A language, or what is the same in all."""
Texts = Mapping[Scope, tuple[str, ...]]

_GAP = r"(?:\w+ ){0,4}"


class Family(BaseModel):
    """What every file of rules says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: str = Field(min_length=1)
    """Who answers for it."""
    why: str = Field(min_length=1)
    fault: Fault
    refuses: Texts
    """Bodies that have the fault."""
    passes: Texts
    """Bodies that do not, though they come near."""

    def _demand(self, texts: Texts, name: str, scopes: Iterable[Scope]) -> None:
        if missing := [scope for scope in scopes if not texts.get(scope)]:
            raise ValueError(f"`{name}` has nothing for {', '.join(missing)}")


class RuleFile(Family):
    """Patterns that a text must not fit."""

    reads: Literal["words", "written"]
    """What the patterns are matched with: the folded words, with one space between them, or the text with its case and
    punctuation. In a pattern for words ` ... ` stands for up to four words, and a pattern covers whole words."""
    needs: str = ""
    """A cheap expression without which no pattern can fit; empty when there is none."""
    withheld: bool = False
    """Whether a caller's text that fits is also kept out of the prompt."""
    repeatable: bool = False
    """Whether a tip may repeat what the caller wrote."""
    patterns: Texts
    """Regular expressions. All are matched with every text: a claim in another language is still a claim."""
    allows: tuple[str, ...] = ()
    """Harmless phrases, which are taken out before the patterns are matched."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        scopes: tuple[Scope, ...] = LANGUAGES if self.patterns.keys() - {"any"} else ("any",)
        self._demand(self.patterns, "patterns", scopes)
        self._demand(self.refuses, "refuses", scopes)
        self._demand(self.passes, "passes", scopes)
        return self


@dataclass(frozen=True, slots=True)
class Rule:
    """A file's patterns as one expression."""

    file: RuleFile
    needed: re.Pattern[str]
    pattern: re.Pattern[str]
    allowed: re.Pattern[str] | None

    @classmethod
    def of(cls, file: RuleFile) -> Self:
        """The rule in `file`.

        Raises:
            re.error: a pattern is not a regular expression.
        """
        whole = _in_words if file.reads == "words" else _in_text
        patterns = [pattern for scope in sorted(file.patterns) for pattern in file.patterns[scope]]
        allowed = whole(file.allows) if file.allows else None
        return cls(file, re.compile(file.needs), whole(patterns), allowed)

    def fits(self, text: str) -> bool:
        """Whether the text, as the file reads it, has the fault."""
        if self.needed.search(text) is None or self.pattern.search(text) is None:
            return False
        # Few texts come this far, so that what is allowed costs the others nothing.
        return self.allowed is None or self.pattern.search(self.allowed.sub(" / ", text)) is not None

    def found(self, text: str) -> set[str]:
        """What in the text fits, without case and the punctuation after it."""
        if self.needed.search(text) is None:
            return set()
        return {match[0].rstrip(".,;:!?").casefold() for match in self.pattern.finditer(text)}


def _in_words(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{joined(_folded(pattern) for pattern in patterns)})\b")


def _in_text(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def _folded(pattern: str) -> str:
    r"""The pattern as folded words are: `ß` and accents as in `folding`, but `\W` stays `\W`."""
    return latin(pattern.replace("ß", "ss").replace("'", " ")).replace(" ... ", f" {_GAP}")


_File = TypeVar("_File", bound=Family)


def read(path: Path, kind: type[_File]) -> _File:
    """The rules in a file.

    Raises:
        InvalidRules: it cannot be read, is not YAML or leaves something out; names file and fault.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise InvalidRules(f"rule file {path}: {error.strerror}; restore it") from error
    except yaml.YAMLError as error:
        raise InvalidRules(f"rule file {path} is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidRules(f"rule file {path}: {faults(error, 'file')}") from error


def compiled(path: Path) -> Rule:
    """The rule in a file.

    Raises:
        InvalidRules: as in `read`, or a pattern is not a regular expression.
    """
    try:
        return Rule.of(read(path, RuleFile))
    except re.error as error:
        raise InvalidRules(f"rule file {path}: a pattern is no regular expression: {error}") from error
