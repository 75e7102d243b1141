"""Who gets which traffic: what a rollout asks of the proxy, the chart or the services."""

from dataclasses import dataclass
from typing import Protocol

from oo.decisions.splits import Split
from oo.registry.history import Subject
from oo.rollout.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Traffic(Split):
    """The split that a rollout asks for."""

    @classmethod
    def of(cls, rollout: Rollout) -> "Traffic | None":
        """The traffic that a rollout asks for; None as long as nothing serves."""
        if rollout.champion is None:
            return None
        if rollout.stage not in ("shadow", "canary"):
            return cls(rollout.subject, rollout.champion)
        mirrored = rollout.stage == "shadow"
        return cls(rollout.subject, rollout.champion, rollout.candidate, mirrored, rollout.percent)


class Actuator(Protocol):
    """Moves traffic: the only writer of it."""

    async def apply(self, traffic: Traffic) -> None:
        """Make the traffic of this subject so, and return when it is. To ask again for what is there changes nothing.

        Raises:
            OOError: it could not be done, or nobody knows; to ask again is safe.
        """
        ...

    async def current(self, subject: Subject) -> Traffic | None:
        """The traffic as it is; None when that cannot be said."""
        ...
