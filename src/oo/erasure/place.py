"""A place where a person may be found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a place held of the person."""

    found: int
    removed: int = 0
    notes: tuple[str, ...] = ()
    """What a person should know of it, a sentence each, without the user id."""


class Place(Protocol):
    """Somewhere a person may be found. Looking again finds what is left."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """Find all that is there of the person until they were erased, and remove it if asked to.

        Raises:
            OOError: the place did not answer; what was removed until then stays removed.
        """
        ...
