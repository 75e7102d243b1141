"""The person's rows in the data sets that training runs on this machine left behind."""

import asyncio
from datetime import datetime
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # the same
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from oo.bus.tombstones import Person
from oo.erasure.place import Found, Progress

_PEOPLE = {"tenant_id", "user_id"}


class Datasets:
    """Parquet files below a folder that have columns of people; their rows are left out, features and all.

    Args:
        folder: where pipelines keep their artifacts; it need not exist.
        person: whose rows.
        until: of the decisions, included.
    """

    name = "training data sets"

    def __init__(self, folder: Path, person: Person, until: datetime) -> None:
        self._folder = folder
        self._person = person
        self._until = until

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        return await asyncio.to_thread(self._look, progress, remove=remove)

    def _look(self, progress: Progress, *, remove: bool) -> Found:
        found = removed = 0
        files = sorted(self._folder.rglob("*.parquet"))
        for done, file in enumerate(files, 1):
            try:
                if _PEOPLE.issubset(pq.read_schema(file).names):
                    table = pq.read_table(file)
                    theirs = self._theirs(table)
                    if (rows := pc.sum(theirs).as_py() or 0) and remove:
                        _replace(file, table.filter(pc.invert(theirs)))
                        removed += rows
                    found += rows
            except (FileNotFoundError, pa.ArrowInvalid):  # a run that is at work has only begun it
                continue
            progress(done, len(files))
        return Found(found, removed)

    def _theirs(self, table: pa.Table) -> pa.ChunkedArray:
        theirs = pc.and_(
            pc.equal(table["tenant_id"], self._person.tenant_id), pc.equal(table["user_id"], self._person.user_id)
        )
        if "decided_at" not in table.column_names:
            return theirs
        until = pa.scalar(self._until, table.schema.field("decided_at").type)
        return pc.and_(theirs, pc.less_equal(table["decided_at"], until))


def _replace(file: Path, table: pa.Table) -> None:
    """Put the table in the file's place in one step."""
    beside = file.with_name(f"{file.name}.new")
    pq.write_table(table, beside)
    beside.replace(file)
