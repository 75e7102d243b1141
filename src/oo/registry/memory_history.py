from collections.abc import Sequence
from datetime import datetime

from oo.errors import HistoryMoved
from oo.registry.history import Recorded, Subject, Transition


class MemoryHistory:
    """The history of one process, which ends with it; passes the contract suite of the real one."""

    def __init__(self) -> None:
        self._log: list[Recorded] = []

    async def append(self, transition: Transition, *, after: int) -> Recorded:
        """As in `History`."""
        last = max((found.sequence for found in await self.of(transition.subject)), default=0)
        if after != last:
            raise HistoryMoved(f"the history of {transition.subject} is no longer at {after}; read it and decide again")
        recorded = Recorded(sequence=len(self._log) + 1, transition=transition)
        self._log.append(recorded)
        return recorded

    async def of(self, subject: Subject, *, until: datetime | None = None) -> Sequence[Recorded]:
        """As in `History`."""
        found = [recorded for recorded in self._log if recorded.transition.subject == subject]
        return [recorded for recorded in found if until is None or recorded.transition.at <= until]

    async def subjects(self) -> Sequence[Subject]:
        """As in `History`."""
        return sorted({recorded.transition.subject for recorded in self._log}, key=lambda s: (s.kind, s.name))
