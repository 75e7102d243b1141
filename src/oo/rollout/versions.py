"""Where the versions of a subject come from: all that differs between models, policies and prompts."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from oo.registry.history import Recorded, Subject
from oo.registry.registry import ALIASES, CHAMPION, PREVIOUS, Alias
from oo.rollout.evidence import Artefact
from oo.rollout.rollout import Rollout


class Versions(Protocol):
    """The versions of one kind of subject. Every method raises an `OOError` when they cannot be asked."""

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        """What the version is, from its bytes rather than from what is said of them."""
        ...

    async def named(self, subject: Subject, alias: Alias) -> str | None:
        """The version that has this name; None when none has."""
        ...

    async def name(self, subject: Subject, alias: Alias, version: str | None) -> None:
        """Give the name to this version, or to none. It follows from the history, and to repeat it changes nothing."""
        ...

    async def keep(self, subject: Subject, version: str, files: Mapping[str, bytes]) -> None:
        """Put files beside a version, for ever, by flat names."""
        ...

    async def kept(self, subject: Subject, version: str, name: str) -> bytes:
        """A file that was put there."""
        ...

    async def tell(self, subject: Subject, history: Sequence[Recorded]) -> None:
        """Let the card of the version that was spoken of last say what became of it. To repeat it changes nothing."""
        ...


def aliases_of(rollout: Rollout) -> dict[Alias, str | None]:
    """The names in the registry that a rollout asks for, in the order in which they are given.

    `previous` is given before `champion`, so that there is a way back before it is needed.
    """
    wanted: dict[str | None, str | None] = {rollout.stage: rollout.candidate}
    wanted |= {CHAMPION: rollout.champion, PREVIOUS: rollout.previous}
    return {alias: wanted.get(alias) for alias in reversed(ALIASES)}
