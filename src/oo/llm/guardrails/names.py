"""Persons, companies and products that the caller did not name."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

from pydantic import model_validator

from oo.llm.guardrails.alternatives import joined
from oo.llm.guardrails.draft import Draft
from oo.llm.guardrails.folding import folded, words, written
from oo.llm.guardrails.rules import LANGUAGES, Family, Texts

_WORD = r"[^\W_]+(?:['’][^\W_]+)*"  # noqa: RUF001  # an apostrophe as it is printed
_TOKEN = re.compile(_WORD)
_CAPITALISED = re.compile(rf"(?<![^\W_])[A-ZÀ-ÖØ-ÞŒ]{_WORD.replace('+', '*', 1)}")
_CAMEL_CASE = re.compile(r"[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ](?!nnen\b)")
# After these a capital says nothing: the end of a sentence, a quotation mark, a dash.
_OPENS = frozenset('.!?…:;"“„”«»‚‘(¡¿–—')  # noqa: RUF001  # quotation marks and dashes
_DETERMINER = re.compile(
    r"(?<![^\W_])(?:(?:[dms]?ein|kein|unser|eure?|ihr|jed|dies|jen|manch|solch|welch)(?:e|em|en|er|es)?|de[rnms]|die|das|am|im|zum|zur"
    r"|beim|vom|ins|ans|aufs|\d+)\s$",
    re.IGNORECASE,
)
_NOUN = re.compile(r".{2,}(?:ung|ungen|heit|keit|schaft|tion|nis|zeit|pause|luft|wasser|minuten|stunden)")
_LONG = 4


class NamesFile(Family):
    """Lists of names, and of words that are written like names."""

    honorifics: tuple[str, ...]
    """What a name follows."""
    first_names: tuple[str, ...]
    """Those that mean nothing else in any of the languages."""
    brands: tuple[str, ...]
    """Those that mean nothing else, however they are written."""
    capitalised_brands: tuple[str, ...]
    """Those that are an ordinary word without their capital."""
    capitals: Texts
    """Words that have a capital inside of a sentence and are no name."""
    german_pairs: tuple[str, ...]
    """German nouns and pronouns beside which another noun may stand: `ein Glas Wasser`."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        self._demand(self.capitals, "capitals", LANGUAGES)
        self._demand(self.refuses, "refuses", LANGUAGES)
        self._demand(self.passes, "passes", LANGUAGES)
        return self


class Names:
    """Finds names without a dictionary of all words, by lists and by how names are written.

    Found in every language: a name after an honorific, those first names and brands that are listed, and CamelCase. In
    English, French and Spanish also any capitalised word inside of a sentence, unless it is listed as ordinary. In
    German, where every noun has a capital, two capitalised words in a row that are no measure, pronoun or known noun
    and follow no article.

    Not found: a name that is not listed at the start of a sentence or in a title in title case; one in lower case;
    in German a single one ("ruf Tankred an"), or one after an article; one that is an ordinary word ("Rose", "Mark").
    """

    def __init__(self, file: NamesFile) -> None:
        honorifics = "|".join(file.honorifics)
        self._honorific = re.compile(rf"(?i:\b(?:{honorifics})\b\.?)\s+(?=[A-ZÀ-ÖØ-Þ])|(?i:\b(?:dr|prof|mr|mrs)\. )")
        listed = [words(folded(name)) for name in (*file.first_names, *file.brands)]
        self._single = frozenset(name for name in listed if " " not in name)
        self._several = re.compile(rf"\b(?:{joined(sorted(name for name in listed if ' ' in name))})\b")
        self._capitalised = frozenset(file.capitalised_brands)
        self._capitals: dict[str, frozenset[str]] = {
            language: _words(capitals) for language, capitals in file.capitals.items()
        }
        self._pairs = _words(file.german_pairs)

    def foreign(self, draft: Draft, language: str, sources: Iterable[str]) -> bool:
        """Whether title or body name what the sources do not."""
        title, body = written(draft.title), written(draft.body)
        named = {*self._names(body, language)}
        named.update(self._named_anyhow(title) if _is_title_case(title) else self._names(title, language))
        return bool(named) and not _words(sources).issuperset(word for name in named for word in name.split())

    def _names(self, text: str, language: str) -> Iterator[str]:
        """The words that name something, folded."""
        yield from self._named_anyhow(text)
        if language == "de":
            yield from self._german(text)
            return
        capitals = self._capitals.get(language, frozenset())
        for match in _CAPITALISED.finditer(text):
            word = match[0]
            if _starts(text, match.start()) or (len(word) < _LONG and word.isupper()):
                continue
            name = words(folded(word))
            if not capitals.issuperset(name.split()):
                yield name

    def _named_anyhow(self, text: str) -> Iterator[str]:
        """What names something in any language, title or body."""
        plain = words(folded(text))
        yield from self._single.intersection(plain.split())
        yield from self._several.findall(plain)
        if _CAMEL_CASE.search(text):
            yield from (words(folded(token)) for token in _TOKEN.findall(text) if _CAMEL_CASE.search(token))
        yield from (match[0].lower() for match in _CAPITALISED.finditer(text) if match[0] in self._capitalised)
        for match in self._honorific.finditer(text):
            if name := _TOKEN.match(text, match.end()):
                yield words(folded(name[0]))

    def _german(self, text: str) -> Iterator[str]:
        found = list(_CAPITALISED.finditer(text))
        for first, second in pairwise(found):
            between = text[first.end() : second.start()]
            if (between.isspace() or between == "-") and not _starts(text, first.start()):
                pair = [words(folded(match[0])) for match in (first, second)]
                before = text[max(0, first.start() - 15) : first.start()]
                if not self._is_ordinary(*pair) and not _DETERMINER.search(before):
                    yield " ".join(pair)

    def _is_ordinary(self, first: str, second: str) -> bool:
        ordinary = self._capitals["de"]
        return first in self._pairs or bool(ordinary & {first, second}) or any(map(_NOUN.fullmatch, (first, second)))


def _starts(text: str, place: int) -> bool:
    """Whether a sentence or a quotation starts here."""
    before = text[:place].rstrip()
    return not before or before[-1] in _OPENS or before.endswith((" -", " '"))


def _is_title_case(title: str) -> bool:
    return all(token[0][0].isupper() for token in _TOKEN.finditer(title) if len(token[0]) >= _LONG)


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in words(folded(written(text))).split())
