"""The person's events among the dead letters."""

from collections import Counter
from datetime import datetime

from oo.bus.dead_letter_box import DeadLetterBox, Selection
from oo.bus.tombstones import Person
from oo.erasure.belonging import match
from oo.erasure.place import Found, Progress
from oo.erasure.stream import doubts


class Letters:
    """What was rejected; each is deleted, and its bytes are overwritten on the server's disk.

    Args:
        box: the dead letters.
        person: whose.
        until: of what happened, included.
    """

    name = "dead letters"

    def __init__(self, box: DeadLetterBox, person: Person, until: datetime) -> None:
        self._box = box
        self._person = person
        self._until = until

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        matched: Counter[str] = Counter()
        removed = 0
        async for letter in self._box.letters(Selection(), progress):
            how = match(letter.original.data, self._person, self._until, letter.original.published_at)
            if how is not None:
                matched[how] += 1
                if remove:
                    await self._box.delete(letter.sequence)
                    removed += 1
        return Found(matched.total(), removed, doubts(self.name, matched))
