"""Puts a dataset together: decisions from the offline store, rewards from the reward join.

A shard of the people at a time: `assemble` writes the examples of one, `merge` makes a dataset of all of them. What is
held in memory grows with a shard, not with the table.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from sqlalchemy import Engine

from oo.catalog import Catalog, Tenant
from oo.errors import DatasetUnfinished
from oo.events.codec import decode
from oo.events.decision import ScoreDecided, ServingRole
from oo.events.envelope import Envelope
from oo.features.services import NO_VALUES, FeatureService
from oo.offline.store import OfflineStore
from oo.training import shard_file
from oo.training.dataset import DECISIONS, Dataset, DatasetFile, Manifest, as_column, cells, seal
from oo.training.pinned_rewards import pinned_rewards
from oo.training.rewards import Rewards, joined_rewards
from oo.training.shard_file import Header
from oo.training.shards import WHOLE, Shard
from oo.training.skew import NEWEST, Served, check_skew

Exclusion = Literal[
    "after_as_of", "other_feature_service", "shadow", "tester", "degraded", "repeated", "never_exposed", "open"
]
_CHUNK = 4_096


@dataclass(frozen=True, slots=True)
class Sources:
    """Where decisions, signals and rewards are read."""

    store: OfflineStore
    """The archive of decisions and signals."""
    rewards: Engine | None
    """The database of the reward join, see `oo.rewards.database.connect`; None for what the archive itself tells."""
    catalog: Catalog
    """Says which tenants use which feature service, and who their testers are."""


@dataclass(frozen=True, slots=True)
class _Example:
    served: Served
    propensity: float
    reward: float
    row: npt.NDArray[np.float32]


def tenants_of(catalog: Catalog, service: FeatureService) -> tuple[str, ...]:
    """The tenants that are served by this feature service."""
    return tuple(tenant.name for tenant in catalog.tenants if tenant.feature_service == service.name)


def build(sources: Sources, service: FeatureService, *, as_of: datetime, version: int | None = None) -> Dataset:
    """The decisions that a model of this feature service may learn from, as one shard, in memory.

    Args:
        sources: where to read.
        service: the columns to encode.
        as_of: nothing that was decided later, or still open then, is used.
        version: the table version to read; the latest when None. The manifest names the one that was read.

    Raises:
        OfflineStoreFailed: there is no such table or version.
        InvalidFeature: a logged value no longer fits the declared columns.
    """
    version = sources.store.version() if version is None else version
    with TemporaryDirectory() as name:
        folder = Path(name)
        assemble(sources, service, WHOLE, as_of=as_of, version=version, folder=folder / "shard")
        merge(sources.store, service, [folder / "shard"], folder / "dataset")
        return Dataset.load(folder / "dataset")


def assemble(  # noqa: PLR0913  # all after the first three by name
    sources: Sources, service: FeatureService, shard: Shard, *, as_of: datetime, version: int, folder: Path
) -> Header:
    """Write the examples of a shard's people into `folder`, with the rows exactly as they were served.

    A row is the chosen arm, encoded by the function that serving uses from what the decision record logged. Left out
    and counted are shadows, testers, degraded answers, tips that were never shown and exposures whose window is open.
    To do it again over whatever is there gives the same file.

    Args:
        sources: where to read.
        service: the columns to encode.
        shard: the people to read.
        as_of: nothing that was decided later, or still open then, is used.
        version: the table version to read.
        folder: where the shard is written.

    Returns:
        What is told with the shard.

    Raises:
        OfflineStoreFailed: there is no such table or version.
        InvalidFeature: a logged value no longer fits the declared columns.
    """
    tenants = tenants_of(sources.catalog, service)
    rewards = (
        pinned_rewards(sources.store, sources.catalog, tenants, shard, version=version, as_of=as_of)
        if sources.rewards is None
        else joined_rewards(sources.rewards, tenants, shard, as_of=as_of)
    )
    excluded: Counter[Exclusion] = Counter()
    examples = _Examples(service)
    first: dict[tuple[str, str, str], tuple[tuple[datetime, str], int | Exclusion]] = {}
    for envelope, decided in _decisions(sources.store, tenants, version, shard):
        if decided.serving_role is ServingRole.SHADOW:
            excluded["shadow"] += 1
            continue
        # By person too: an id that two people share tells the same in whichever shards they are.
        key = envelope.tenant_id, envelope.user_id, decided.decision_id
        order = envelope.occurred_at, envelope.event_id
        if key in first:
            excluded["repeated"] += 1
        if key not in first or order < first[key][0]:  # the reward join keeps the first one too
            found = _example(envelope, decided, service, as_of, sources.catalog.tenant(envelope.tenant_id), rewards)
            first[key] = order, examples.append(found) if isinstance(found, _Example) else found
    places = [found for _, found in first.values() if isinstance(found, int)]
    excluded.update(found for _, found in first.values() if not isinstance(found, int))
    header = Header(
        feature_service=service.name,
        feature_digest=service.digest,
        tenants=tenants,
        as_of=as_of.isoformat(),
        table_version=version,
        filters=_filters(sources, tenants),
        count=shard.count,
        index=shard.index,
        rows=len(places),
        excluded=dict(sorted(excluded.items())),
    )
    shard_file.write(folder, examples.table().take(pa.array(places, pa.int64())), header)
    return header


def merge(store: OfflineStore, service: FeatureService, shards: Sequence[Path], folder: Path) -> Manifest:
    """Write the dataset of all shards into `folder`; however many there were, it is the same.

    To do it again over whatever is there gives the same dataset.

    Args:
        store: the archive of signals, which are folded again for the newest decisions.
        service: the columns that were encoded.
        shards: a folder for each shard, in any order.
        folder: where the dataset is written.

    Raises:
        DatasetUnfinished: they are not all the shards of one dataset, or of another feature service.
    """
    with ExitStack() as stack:
        opened = shard_file.opened(shards, stack)
        origin = opened.origin
        if origin.feature_digest != service.digest:
            raise DatasetUnfinished(
                f"these shards are not of {service.name} as it is declared now; assemble them again"
            )
        times: list[datetime] = []
        newest = shard_file.schema(service.width).empty_table().drop_columns(["row"])
        file = stack.enter_context(DatasetFile.written(folder, service.width))
        for table in opened.rows():
            decisions = table.select(DECISIONS.names)
            file.append(decisions, cells(table["row"].combine_chunks()))
            times = [*times[:1], *(table["decided_at"][place].as_py() for place in (0, -1))]
            newest = pa.concat_tables([newest, table.drop_columns(["row"])])
            newest = newest.slice(max(0, len(newest) - NEWEST))
    served = list(_served(newest))
    excluded: Counter[str] = Counter()
    for header in opened.headers:
        excluded.update(header.excluded)
    manifest = Manifest(
        feature_service=origin.feature_service,
        feature_digest=origin.feature_digest,
        tenants=origin.tenants,
        as_of=origin.as_of,
        table_version=origin.table_version,
        rows=file.rows,
        excluded=dict(sorted(excluded.items())),
        rows_sha256=file.fingerprint.hexdigest(),
        first_decided_at=times[0].isoformat() if times else None,
        last_decided_at=times[-1].isoformat() if times else None,
        skew=check_skew(store, service, served, origin.table_version),
        filters=origin.filters,
    )
    seal(folder, manifest)
    return manifest


class _Examples:
    """Examples as columns, which take a fraction of what objects would."""

    def __init__(self, service: FeatureService) -> None:
        self._names = service.signal_names()
        self._width = service.width
        self._schema = shard_file.schema(service.width)
        self._batches: list[pa.RecordBatch] = []
        self._pending: list[_Example] = []

    def append(self, example: _Example) -> int:
        """Keep an example; returns its place."""
        self._pending.append(example)
        place = len(self._batches) * _CHUNK + len(self._pending) - 1
        if len(self._pending) == _CHUNK:
            self._flush()
        return place

    def table(self) -> pa.Table:
        """All examples, each at its place."""
        self._flush()
        return pa.Table.from_batches(self._batches, self._schema)

    def _flush(self) -> None:
        rows = np.array([example.row for example in self._pending], dtype=np.float32)
        served = [example.served for example in self._pending]
        columns = {name: [getattr(one, name) for one in served] for name in DECISIONS.names[:4]}
        columns["propensity"] = [example.propensity for example in self._pending]
        columns["reward"] = [example.reward for example in self._pending]
        columns["row"] = as_column(rows, self._width)
        columns["signal"] = [json.dumps({name: one.signal.get(name) for name in self._names}) for one in served]
        columns["signal_sequence"] = [one.signal_sequence for one in served]
        self._batches.append(pa.RecordBatch.from_pydict(columns, self._schema))
        self._pending.clear()


def _served(table: pa.Table) -> Iterator[Served]:
    for row in table.drop_columns(["propensity", "reward"]).to_pylist():
        yield Served(**{**row, "signal": json.loads(row["signal"])})


def _filters(sources: Sources, tenants: Sequence[str]) -> dict[str, str]:
    """What decides which rows there are, in words; people are told by a digest alone."""
    filters = {
        "left_out": ", ".join(get_args(Exclusion)),
        "rewards": "of the table version" if sources.rewards is None else "of tip_scores when it was read",
    }
    for tenant in map(sources.catalog.tenant, tenants):
        filters[f"{tenant.name} reward_window"] = f"{tenant.reward_window.total_seconds():g} s"
        if tenant.testers:
            digest = hashlib.sha256("\0".join(sorted(set(tenant.testers))).encode()).hexdigest()
            filters[f"{tenant.name} testers"] = f"{len(set(tenant.testers))}, sha256 {digest}"
    return filters


def _decisions(
    store: OfflineStore, tenants: tuple[str, ...], version: int, shard: Shard
) -> Iterator[tuple[Envelope, ScoreDecided]]:
    columns = ["tenant_id", "user_id", "payload"]
    for batch in store.scan(["score_decided"], tenant_ids=tenants, version=version, columns=columns):
        for payload in batch.filter(shard.among(batch))["payload"]:
            envelope = decode(payload.as_py().encode())
            if envelope.score_decided is not None:
                yield envelope, envelope.score_decided


def _example(  # noqa: PLR0913, PLR0917  # what an example is made of
    envelope: Envelope,
    decided: ScoreDecided,
    service: FeatureService,
    as_of: datetime,
    tenant: Tenant,
    rewards: Rewards,
) -> _Example | Exclusion:
    excluded: Mapping[Exclusion, bool] = {
        "after_as_of": envelope.occurred_at > as_of,
        "other_feature_service": decided.feature_service != service.name,
        "tester": envelope.user_id in tenant.testers,
        "degraded": bool(decided.degraded),
    }
    for reason, applies in excluded.items():
        if applies:
            return reason
    reward = rewards(envelope, decided)
    if not isinstance(reward, float):
        return reward
    chosen = next(candidate for candidate in decided.candidates if candidate.tip_id == decided.tip_id)
    signal = decided.signal_features or NO_VALUES
    (row,) = service.encode(
        [(chosen.tip_id, chosen.features or NO_VALUES)],
        profile=decided.profile_features or NO_VALUES,
        signal=signal,
        context=decided.context or NO_VALUES,
    )
    served = Served(
        decision_id=decided.decision_id,
        tenant_id=envelope.tenant_id,
        user_id=envelope.user_id,
        decided_at=envelope.occurred_at,
        signal=signal,
        signal_sequence=decided.signal_sequence,
    )
    return _Example(served, decided.propensity, reward, row)
