"""The dataset: planned, assembled a shard at a time, merged. `assemble` does all three in one process."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

from oo import catalog as catalogs
from oo.offline.store import OfflineStore
from oo.rewards.database import connect
from oo.settings import PipelineSettings
from oo.training import assembly
from oo.training.assembly import Sources
from oo.training.dataset import Manifest
from oo.training.peak_memory import peak_mib
from oo.training.shards import Shard
from oo.wiring.steps import LATEST


class PlannedShard(TypedDict):
    """A shard to assemble, as a pipeline hands it on: it makes every number a float."""

    index: int
    count: int
    table_version: int
    """The version to read, the same for all shards."""
    pinned: bool
    """Whether the version alone tells the rewards."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """What became of a shard."""

    rows: int
    excluded: dict[str, int]
    peak_mib: float
    """The memory that the process has needed so far."""


def plan_shards(settings: PipelineSettings, *, table_version: int, shards: int) -> list[PlannedShard]:
    """So many shards of one version of the offline store, which is looked up when it is `LATEST`."""
    pinned = table_version != LATEST
    version = table_version if pinned else OfflineStore(settings.offline_store).version()
    parts = [Shard(index, shards) for index in range(shards)]
    return [PlannedShard(index=part.index, count=part.count, table_version=version, pinned=pinned) for part in parts]


def assemble_shard(
    settings: PipelineSettings, feature_service: str, *, as_of: str, planned: PlannedShard, shard: Path
) -> Assembled:
    """Write a planned shard into the folder `shard`.

    Args:
        settings: where catalog, offline store and reward join are; a pinned version brings its own rewards.
        feature_service: such as "tips@1".
        as_of: ISO 8601 with an offset; nothing later is used.
        planned: out of `plan_shards`.
        shard: the folder to write.
    """
    declared, store = catalogs.load(settings.catalog), OfflineStore(settings.offline_store)
    service, version = declared.service(feature_service), int(planned["table_version"])
    with ExitStack() as stack:
        engine = None if planned["pinned"] else connect(settings.tip_scores_url)
        if engine is not None:
            stack.callback(engine.dispose)
        header = assembly.assemble(
            Sources(store, engine, declared),
            service,
            Shard(int(planned["index"]), int(planned["count"])),
            as_of=datetime.fromisoformat(as_of),
            version=version,
            folder=shard,
        )
    return Assembled(header.rows, dict(header.excluded), peak_mib())


def merge_shards(
    settings: PipelineSettings, feature_service: str, *, shards: Sequence[Path], dataset: Path
) -> Manifest:
    """Write the dataset of all shards, a folder each and in any order, into the folder `dataset`."""
    service = catalogs.load(settings.catalog).service(feature_service)
    return assembly.merge(OfflineStore(settings.offline_store), service, shards, dataset)


def assemble(  # noqa: PLR0913  # each is a fact of the dataset, given by name
    settings: PipelineSettings,
    feature_service: str,
    *,
    as_of: str,
    dataset: Path,
    table_version: int = LATEST,
    shards: int = 1,
) -> Manifest:
    """Write the dataset of a feature service into the folder `dataset`, one shard after the other.

    Args:
        settings: as for `assemble_shard`.
        feature_service: the same.
        as_of: the same.
        dataset: the folder to write.
        table_version: the offline store's version that alone decides what is learned, or `LATEST`.
        shards: how many; memory grows with what one of them holds.
    """
    with TemporaryDirectory() as name:
        folders = []
        for planned in plan_shards(settings, table_version=table_version, shards=shards):
            folders.append(Path(name) / str(planned["index"]))
            assemble_shard(settings, feature_service, as_of=as_of, planned=planned, shard=folders[-1])
        return merge_shards(settings, feature_service, shards=folders, dataset=dataset)
