"""A card as a Markdown file: facts between two markers, and what people write around them."""

import re
from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError

from oo.cards.facts import FACTS, Facts
from oo.cards.tables import tables
from oo.errors import InvalidCard, faults

BEGIN, END = "<!-- facts: written by `oo card` -->", "<!-- end of facts -->"
SECTIONS = ("Owners", "Intended use", "Limits")
"""What people must have said before anything is promoted."""
_SEGMENTS = "Segments"
UNWRITTEN = "*To be written by the people who answer for it.*"
_FENCE = re.compile(r"^```json\n(?P<facts>.*?)\n```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_HEADING = re.compile(r"^## +(?P<name>.+?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Card:
    """A card's text in its three parts."""

    before: str
    facts: Facts | None
    """None when none were written yet."""
    after: str

    @classmethod
    def new(cls, title: str) -> Self:
        """A card on which people have said nothing yet."""
        sections = "\n\n".join(f"## {name}\n\n{UNWRITTEN}" for name in SECTIONS)
        return cls(f"# {title}\n\n{sections}\n\n", None, "\n")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a card; one without markers gets its facts at its end.

        Raises:
            InvalidCard: there are facts between the markers, and they do not fit the schema.
        """
        before, begin, rest = text.partition(BEGIN)
        if not begin:
            return cls(f"{text.rstrip()}\n\n", None, "\n")
        block, end, after = rest.partition(END)
        if not end:
            raise InvalidCard(
                f"the card has {BEGIN} and no {END}; restore it, what people write stands outside of both"
            )
        found = _FENCE.search(block)
        if found is None:
            raise InvalidCard("the facts of the card hold no JSON; renew them with `oo card write`")
        try:
            return cls(before, FACTS.validate_json(found["facts"]), after)
        except ValidationError as error:
            raise InvalidCard(
                f"the facts of the card: {faults(error, 'facts')}; renew them with `oo card write`"
            ) from error

    def with_facts(self, facts: Facts) -> Self:
        """The card with these facts; what people wrote stays as it is."""
        return type(self)(self.before, facts, self.after)

    def __str__(self) -> str:
        """The text."""
        if self.facts is None:
            return f"{self.before}{self.after}"
        machine = self.facts.model_dump_json(indent=2)
        folded = f"<details><summary>The same for programs</summary>\n\n```json\n{machine}\n```\n\n</details>"
        block = f"{tables(self.facts)}\n\n{folded}"
        return f"{self.before}{BEGIN}\n\n{block}\n\n{END}{self.after}"

    def missing(self) -> tuple[str, ...]:
        """What has to be there before anything is promoted by this card, and is not: a sentence each."""
        said = _sections(self.before + self.after)
        unsaid = [
            f"nobody has written its section “{name}” yet" for name in SECTIONS if said.get(name, "") in ("", UNWRITTEN)
        ]
        return (*unsaid, *([] if self.facts else ["it has no facts"]))

    def faults(self, facts: Facts) -> tuple[str, ...]:
        """Why nothing may be promoted by it, a sentence each: it is incomplete, or its facts are others than these."""
        stale = self.facts is not None and self.facts.model_dump_json() != facts.model_dump_json()
        return (
            *self.missing(),
            *(["its facts are not those of today; renew them with `oo card write`"] if stale else []),
        )

    @property
    def segments(self) -> tuple[str, ...]:
        """The columns, as `source.name`, by which nobody may be worse off: the code words of its section “Segments”."""
        return tuple(_CODE.findall(_sections(self.before + self.after).get(_SEGMENTS, "")))


def _sections(text: str) -> dict[str, str]:
    found = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in found[1:]), len(text)]
    return {heading["name"]: text[heading.end() : end].strip() for heading, end in zip(found, ends, strict=False)}
