"""The erasure of one person, in an order that can be killed anywhere and run again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from nats.js import JetStreamContext

from oo.bus.tombstones import Person, lay
from oo.erasure.place import Found, Place, Progress
from oo.erasure.settling import settle
from oo.events.subjects import DURABLES

OnStep = Callable[[str], Progress]
"""Told the name of each step as it begins; gives where its progress is told."""


@dataclass(frozen=True, slots=True)
class Line:
    """What became of the person in one place."""

    place: str
    found: int
    removed: int
    left: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done, and what another look at everything found."""

    erased_at: datetime
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """Whether nothing is left anywhere."""
        return not any(line.left for line in self.lines)


@dataclass(frozen=True, slots=True)
class Forgetting:
    """One person, and all that may hold them."""

    js: JetStreamContext
    person: Person
    places: Callable[[datetime], Sequence[Place]]
    """Where to look, for what happened until then; in the order in which it is removed."""
    now: Callable[[], datetime]

    async def look(self, on_step: OnStep) -> list[tuple[Place, Found]]:
        """What there is of the person; nothing is changed."""
        return [(place, await place.look(on_step(place.name), remove=False)) for place in self.places(self.now())]

    async def forget(self, patience: float, on_step: OnStep) -> Erased:
        """Lay the tombstone, wait until what was in hand has settled, remove all, and look once more.

        Raises:
            ErasureUnfinished: a consumer has messages in hand and did not let go of them within `patience` seconds.
            OOError: a place did not answer. What was done until then stands; to run it again goes on from there.
        """
        erased_at = await lay(self.js, self.person, self.now())
        await settle(self.js, DURABLES, self.person, patience, on_step("waiting for consumers"))
        places = self.places(erased_at)
        found = [await place.look(on_step(place.name), remove=True) for place in places]
        left = [await place.look(on_step(f"{place.name}, again"), remove=False) for place in places]
        lines = (
            Line(place.name, before.found, before.removed, after.found)
            for place, before, after in zip(places, found, left, strict=True)
        )
        return Erased(erased_at, tuple(lines), tuple(note for each in found for note in each.notes))
