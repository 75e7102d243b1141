"""A person's document: what the online store holds and what a replay rebuilds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pydantic_core import from_json, to_json

from oo.errors import InvalidFeature
from oo.events.envelope import Envelope
from oo.features.facts import Facts
from oo.features.families import FAMILIES, FAMILY_OF


@dataclass(frozen=True, slots=True)
class UserState:
    """What every family knows of one person, and how far into the stream it goes. New, it knows nothing."""

    families: Mapping[str, Facts] = field(default_factory=dict)
    """The facts of each family that has any, by its name."""
    sequence: int = 0
    """The highest sequence of the SIGNALS stream folded in; 0 for none."""

    def fold(self, envelope: Envelope, sequence: int) -> Self:
        """The state after this event of this person, which the SIGNALS stream holds at `sequence`.

        The order of calls does not matter, and a repeated one changes nothing.
        """
        families = dict(self.families)
        for family in FAMILIES:
            known = families.get(family.name, ())
            facts = family.fold(known, envelope)
            if facts is not known:
                families[family.name] = facts
        return type(self)(families, max(self.sequence, sequence))

    def values(self, names: Iterable[str], at: datetime) -> dict[str, float | None]:
        """The named features at the moment `at`; None where a family was never told anything: unknown is not zero.

        Raises:
            InvalidFeature: no family makes a feature of that name.
        """
        known: dict[str, float | None] = {}
        wanted: dict[str, float | None] = {}
        for name in names:
            if name not in known:
                try:
                    family = FAMILY_OF[name]
                except KeyError:
                    message = f"no family makes the signal feature {name!r}; there are {', '.join(FAMILY_OF)}"
                    raise InvalidFeature(message) from None
                facts = self.families.get(family.name)
                known.update(family.values(facts, at) if facts else dict.fromkeys(family.feature_names))
            wanted[name] = known[name]
        return wanted

    def to_json(self) -> bytes:
        """The document as it is stored."""
        return to_json({"families": self.families, "sequence": self.sequence})

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The state in a stored document.

        Raises:
            ValueError: the bytes are not a document that `to_json` wrote.
        """
        document = from_json(data)
        try:
            return cls(document["families"], document["sequence"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a person's document: {error}") from error
