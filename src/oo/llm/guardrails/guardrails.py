"""All rules over one answer."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from oo.errors import InvalidRules
from oo.llm.guardrails import characters, identifiers
from oo.llm.guardrails.brief import Brief
from oo.llm.guardrails.draft import Draft, read
from oo.llm.guardrails.echo import echoes
from oo.llm.guardrails.faults import FAULTS, Fault
from oo.llm.guardrails.folding import folded, readings, words, written
from oo.llm.guardrails.language import LanguageJudge
from oo.llm.guardrails.names import Names, NamesFile
from oo.llm.guardrails.rules import LANGUAGES, Rule, compiled
from oo.llm.guardrails.rules import read as read_rules

RULES = Path(__file__).parent / "rules"
"""The rules that come with oO."""
NAMES = "names.yaml"

_LETTERS = re.compile(r"[^\W\d_]{2}")
MAX_WITHHELD = 2000
"""The most characters of a caller's text that are looked at; a prompt quotes fewer."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A tip and what keeps it from being shown: it may be when there is nothing."""

    draft: Draft | None
    faults: tuple[Fault, ...]
    """Each once, always in the same order."""


@dataclass(frozen=True)
class Guardrails:
    """The rules over what is shown to a person, and over what is told to a language model."""

    rules: tuple[Rule, ...]
    names: Names
    language: LanguageJudge
    languages: frozenset[str] = frozenset(LANGUAGES)
    """Those that every list of rules covers."""

    @classmethod
    def load(cls, folder: Path = RULES) -> Self:
        """The rules in `folder`, and the model that tells languages apart: takes about a second.

        Raises:
            InvalidRules: a file is missing, cannot be read or leaves something out; names file and fault.
        """
        paths = sorted(path for path in folder.glob("*.yaml") if path.name != NAMES)
        names = Names(read_rules(folder / NAMES, NamesFile))
        rules = tuple(compiled(path) for path in paths)
        if not rules:
            raise InvalidRules(f"rule folder {folder} holds no rules beside {NAMES}; restore them")
        return cls(rules, names, LanguageJudge())

    def examine(self, text: str, brief: Brief) -> Examined:
        """The tip in what a language model answered, with its faults. Raises nothing, whatever the answer is."""
        draft = read(text)
        if draft is None:
            return Examined(None, ("not_a_tip",))
        found = set(self._faults(draft, brief))
        return Examined(draft, tuple(fault for fault in FAULTS if fault in found))

    def withholds(self, text: str) -> bool:
        """Whether a caller's text looks like an instruction, a payload or a request for secrets rather than a fact."""
        text = text[:MAX_WITHHELD]
        plain = written(text)
        simple = folded(plain)
        meant = readings(simple)
        # Backwards and turned by thirteen letters is what models read, and nobody's goals.
        instructed = (*meant, words(simple[::-1]), words(codecs.encode(simple, "rot13")))
        return any(
            rule.fits(reading)
            for rule in self.rules
            if rule.file.withheld
            for reading in _readings(rule, (plain, text), instructed if rule.file.fault == "instruction" else meant)
        )

    def _faults(self, draft: Draft, brief: Brief) -> Iterator[Fault]:
        if not (_LETTERS.search(draft.title) and _LETTERS.search(draft.body)):
            yield "not_a_tip"  # a title of dots is what a schema alone lets pass
        if not 0 < len(draft.title.strip()) <= len(draft.title) <= brief.title_length:
            yield "title_length"
        if not 0 < len(draft.body.strip()) <= len(draft.body) <= brief.body_length:
            yield "body_length"
        if draft.safety != "safe":
            yield "unsafe"
        if draft.topic not in brief.topics:
            yield "topic"
        if draft.language != brief.language:
            yield "language"
        # What is too long is refused for that; the rest of the time goes into what could have been shown.
        cut = draft.model_copy(
            update={"title": draft.title[: brief.title_length], "body": draft.body[: brief.body_length]}
        )
        yield from characters.faults(f"{cut.title} {cut.body}")
        if self.language.doubts(cut, brief.language):
            yield "language"
        yield from self._faults_of_text(cut, brief)

    def _faults_of_text(self, draft: Draft, brief: Brief) -> Iterator[Fault]:
        raw = f"{draft.title}\n{draft.body}"
        text = written(raw)
        simple = folded(text)
        meant = readings(simple)
        unquoted = text
        for rule in self.rules:
            if rule.file.repeatable:
                if found := rule.found(text):
                    unquoted = rule.pattern.sub(" / ", unquoted)
                    if found.difference(*(rule.found(written(word)) for word in brief.words)):
                        yield rule.file.fault
            elif any(rule.fits(reading) for reading in _readings(rule, (text, raw), meant)):
                yield rule.file.fault
        if self.names.foreign(draft, brief.language, brief.words):
            yield "foreign_name"
        if identifiers.reveals(simple, brief.identifiers):
            yield "personal_data"
        # A link that may be repeated is no echo, however long it is.
        if echoes(meant[0] if unquoted is text else words(folded(unquoted)), brief.words):
            yield "echo"


def _readings(rule: Rule, texts: tuple[str, ...], meant: tuple[str, ...]) -> tuple[str, ...]:
    return meant if rule.file.reads == "words" else tuple(dict.fromkeys(texts))
