"""The person's rows of the reward join."""

import asyncio
from datetime import datetime

from sqlalchemy import Engine, Table

from oo.bus.tombstones import Person
from oo.erasure.place import Found, Progress
from oo.rewards import erasure


class Rows:
    """What one table holds.

    Args:
        engine: the database, see `oo.rewards.database.connect`.
        table: which.
        person: whose rows.
        until: of what happened, included.
    """

    def __init__(self, engine: Engine, table: Table, person: Person, until: datetime) -> None:
        self.name = table.name
        self._engine = engine
        self._table = table
        self._theirs = person.tenant_id, person.user_id, until

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        found = await asyncio.to_thread(erasure.count, self._engine, self._table, *self._theirs)
        removed = 0
        if remove:  # also when none is found: a run that was killed may have left their bytes in a file
            removed = await asyncio.to_thread(erasure.erase, self._engine, self._table, *self._theirs)
        progress(1, 1)
        return Found(found, removed)
