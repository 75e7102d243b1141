"""The person's rows of the offline store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from oo.erasure.place import Found, Progress
from oo.errors import BusUnreachable
from oo.events.subjects import Durable
from oo.offline.erasure import Erasure
from oo.offline.predicates import PersonsRows
from oo.offline.store import OfflineStore

PAUSE = timedelta(minutes=30)
"""After so long the server gives the archive messages again by itself, should this process be killed."""


class Table:
    """The rows of the table, and the files on disk that hold some whatever version they are of.

    Args:
        js: the server, whose archive waits while files of the day are written anew: each append of its would make that
            begin again.
        archive: its durables.
        store: the table.
        rows: whose rows, until when.
        clock: the moment, in UTC.
    """

    name = "offline store"

    def __init__(
        self,
        js: JetStreamContext,
        archive: Sequence[Durable],
        store: OfflineStore,
        rows: PersonsRows,
        clock: Callable[[], datetime],
    ) -> None:
        self._js = js
        self._archive = archive
        self._store = store
        self._rows = rows
        self._clock = clock

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`; counts rows, and each file that only older versions need."""
        if not remove:
            erasure = await self._erase(progress, dry_run=True)
        else:
            async with self._archive_waiting():
                erasure = await self._erase(progress, dry_run=False)
        return Found(
            erasure.rows + erasure.files, erasure.blanked + erasure.deleted, tuple(_notes(erasure, removed=remove))
        )

    async def _erase(self, progress: Progress, *, dry_run: bool) -> Erasure:
        return await asyncio.to_thread(
            self._store.erase, self._rows, clock=self._clock, dry_run=dry_run, progress=progress
        )

    @asynccontextmanager
    async def _archive_waiting(self) -> AsyncIterator[None]:
        until = (self._clock() + PAUSE).isoformat()
        try:
            await self._pause(until)
            yield
        finally:
            await self._pause("1970-01-01T00:00:00Z")

    async def _pause(self, until: str) -> None:
        for durable in self._archive:
            try:
                await self._js.pause_consumer(durable.stream, durable.name, until)
            except NotFoundError:  # nothing is archived by it
                continue
            except (NatsError, OSError) as error:
                raise BusUnreachable(
                    f"{durable.name} could not be paused or resumed ({error!r}); run it again"
                ) from error


def _notes(erasure: Erasure, *, removed: bool) -> list[str]:
    dropped = "was dropped" if removed else "would be dropped"
    notes = [
        f"snapshot {name} {dropped}: its version held {rows} rows of this person; name a new one"
        for name, rows in erasure.snapshots
    ]
    if erasure.unreadable:
        notes.append(
            f"{erasure.unreadable} files of the offline store are being written, or were left half-written within the"
            " last hour; should they still be there then, run it again"
        )
    return notes
