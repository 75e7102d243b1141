"""The person in the registry: models that learned from them, and the list of rows beside each."""

import asyncio
import io
from collections.abc import Sequence

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # the same
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from oo.bus.tombstones import Person
from oo.erasure.place import Found, Progress
from oo.errors import UnknownModel
from oo.registry.registry import ALIASES, ModelVersion, Registry
from oo.training.dataset import FITTED
from oo.training.registration import TRAINING_ROWS


class TrainingRows:
    """Which decision trained which version. The person's id leaves the list; decision ids and rewards stay in it.

    They say what the version was made of, and name nobody once the decisions are erased. The version itself learned
    from them for good, so each is named.

    Args:
        registry: where the versions are.
        models: the names of the models.
        person: whose rows.
    """

    name = "training rows"

    def __init__(self, registry: Registry, models: Sequence[str], person: Person) -> None:
        self._registry = registry
        self._models = models
        self._person = person

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        return await asyncio.to_thread(self._look, progress, remove=remove)

    def _look(self, progress: Progress, *, remove: bool) -> Found:
        found = removed = 0
        notes = []
        versions = [version for model in self._models for version in self._registry.versions(model)]
        for done, version in enumerate(versions, 1):
            rows = self._rows(version)
            theirs = pc.and_(
                pc.equal(rows["tenant_id"], self._person.tenant_id), pc.equal(rows["user_id"], self._person.user_id)
            )
            if count := pc.sum(theirs).as_py() or 0:
                found += count
                fitted = pc.sum(pc.and_(theirs, pc.equal(rows["part"], FITTED))).as_py() or 0
                notes.append(self._told(version, count, fitted))
                if remove:
                    self._registry.attach(version, {TRAINING_ROWS: _without(rows, theirs)}, {})
                    removed += count
            progress(done, len(versions))
        return Found(found, removed, tuple(notes))

    def _rows(self, version: ModelVersion) -> pa.Table:
        try:
            return pq.read_table(io.BytesIO(self._registry.read_file(version, TRAINING_ROWS)))
        except UnknownModel:  # the prior was trained on nothing
            return pa.table({name: pa.array([], pa.string()) for name in ("tenant_id", "user_id", "part")})

    def _told(self, version: ModelVersion, rows: int, fitted: int) -> str:
        aliases = [alias for alias in ALIASES if self._registry.by_alias(version.name, alias) == version]
        is_now = f" (the {' and '.join(aliases)})" if aliases else ""
        held = f"{version.name} {version.version}{is_now} was"
        if not fitted:
            return f"{held} judged by {rows} of their decisions and trained on none"
        return f"{held} trained on {fitted} of their decisions: train it again to remove what it learned from them"


def _without(rows: pa.Table, theirs: pa.ChunkedArray) -> bytes:
    place = rows.column_names.index("user_id")
    sink = io.BytesIO()
    pq.write_table(rows.set_column(place, "user_id", pc.if_else(theirs, "", rows["user_id"])), sink)
    return sink.getvalue()
