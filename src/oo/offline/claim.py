"""The sole right to write files of the table anew: of two that do, both succeed, and every row is there twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

from oo.errors import OfflineStoreFailed
from oo.offline.events_table import CommitRefused, EventsTable

T = TypeVar("T")
CLAIM = timedelta(hours=1)
"""How long the work on a day may take; after a kill the next to claim waits for so long."""
_ATTEMPTS = 5


class Claim:
    """The right, from the first `renew` to the end of the block."""

    def __init__(self, latest: Callable[[], EventsTable], clock: Callable[[], datetime]) -> None:
        self._latest = latest
        self._clock = clock
        self._until: datetime | None = None

    def renew(self) -> None:
        """Have it for another `CLAIM`.

        Raises:
            OfflineStoreFailed: another has it, or was killed within the last `CLAIM`.
        """
        self._until = retried(self._take)

    def _take(self) -> datetime:
        table, now = self._latest(), self._clock()
        if (until := table.claimed_until()) > now and until != self._until:
            raise OfflineStoreFailed(
                f"another compaction is at work, or was killed; this one may begin at {until:%H:%M:%S} UTC"
            )
        return table.claim(now + CLAIM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._until is not None:
            retried(lambda: self._latest().claim(self._clock()))


def retried(attempt: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
    """What the attempt returns, made again when another commit came between."""
    for _ in range(attempts - 1):
        try:
            return attempt()
        except CommitRefused:
            continue
    return attempt()
