"""Puts a dataset together: decisions from the offline store, rewards from the reward join."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from sqlalchemy import Engine

from oo.catalog import Catalog
from oo.events.codec import decode
from oo.events.decision import ScoreDecided, ServingRole
from oo.events.envelope import Envelope
from oo.features.services import NO_VALUES, FeatureService
from oo.offline.store import OfflineStore
from oo.rewards.queries import exposures
from oo.training.dataset import DECISIONS, Dataset, Manifest, fingerprint
from oo.training.skew import Served, check_skew

Exclusion = Literal["after_as_of", "other_feature_service", "shadow", "degraded", "repeated", "never_exposed", "open"]
Rewards = Mapping[tuple[str, str], float | None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where decisions, signals and rewards are read."""

    store: OfflineStore
    """The archive of decisions and signals."""
    rewards: Engine
    """The database of the reward join, see `oo.rewards.database.connect`."""
    catalog: Catalog
    """Says which tenants use which feature service."""


@dataclass(frozen=True, slots=True)
class _Example:
    served: Served
    propensity: float
    reward: float
    row: npt.NDArray[np.float32]


def build(sources: Sources, service: FeatureService, *, as_of: datetime, version: int | None = None) -> Dataset:
    """The decisions that a model of this feature service may learn from, with the rows exactly as they were served.

    A row is the chosen arm, encoded by the function that serving uses from what the decision record logged. Left out
    and counted are shadows, degraded answers, tips that were never shown and exposures whose window is open.

    Args:
        sources: where to read.
        service: the columns to encode.
        as_of: nothing that was decided later, or still open then, is used.
        version: the table version to read; the latest when None. The manifest names the one that was read.

    Raises:
        OfflineStoreFailed: there is no such table or version.
        InvalidFeature: a logged value no longer fits the declared columns.
    """
    tenants = tuple(tenant.name for tenant in sources.catalog.tenants if tenant.feature_service == service.name)
    store = sources.store
    version = store.version() if version is None else version
    rewards = {(e.tenant_id, e.decision_id): e.reward for e in exposures(sources.rewards, tenants, as_of)}
    excluded: Counter[Exclusion] = Counter()
    first: dict[tuple[str, str], tuple[tuple[datetime, str], _Example | Exclusion]] = {}
    for envelope, decided in _decisions(store, tenants, version):
        if decided.serving_role is ServingRole.SHADOW:
            excluded["shadow"] += 1
            continue
        key, order = (envelope.tenant_id, decided.decision_id), (envelope.occurred_at, envelope.event_id)
        if key in first:
            excluded["repeated"] += 1
        if key not in first or order < first[key][0]:  # the reward join keeps the first one too
            first[key] = order, _example(envelope, decided, service, as_of, rewards)
    excluded.update(found for _, found in first.values() if not isinstance(found, _Example))
    examples = (found for _, found in first.values() if isinstance(found, _Example))
    ordered = sorted(examples, key=lambda e: (e.served.decided_at, e.served.decision_id, e.served.tenant_id))
    served = [example.served for example in ordered]
    decisions = _table(ordered)
    rows = np.stack([e.row for e in ordered]) if ordered else np.empty((0, service.width), dtype=np.float32)
    manifest = Manifest(
        feature_service=service.name,
        feature_digest=service.digest,
        tenants=tenants,
        as_of=as_of.isoformat(),
        table_version=version,
        rows=len(ordered),
        excluded=dict(sorted(excluded.items())),
        rows_sha256=fingerprint(decisions, rows),
        first_decided_at=served[0].decided_at.isoformat() if served else None,
        last_decided_at=served[-1].decided_at.isoformat() if served else None,
        skew=check_skew(store, service, served, version),
    )
    return Dataset(decisions, rows, manifest)


def _table(examples: Sequence[_Example]) -> pa.Table:
    columns = {name: [getattr(example.served, name) for example in examples] for name in DECISIONS.names[:4]}
    columns["propensity"] = [example.propensity for example in examples]
    columns["reward"] = [example.reward for example in examples]
    return pa.table(columns, schema=DECISIONS)


def _decisions(store: OfflineStore, tenants: tuple[str, ...], version: int) -> Iterator[tuple[Envelope, ScoreDecided]]:
    for batch in store.scan(["score_decided"], tenant_ids=tenants, version=version, columns=["payload"]):
        for payload in batch.column("payload").to_pylist():
            envelope = decode(payload.encode())
            if envelope.score_decided is not None:
                yield envelope, envelope.score_decided


def _example(
    envelope: Envelope, decided: ScoreDecided, service: FeatureService, as_of: datetime, rewards: Rewards
) -> _Example | Exclusion:
    key = envelope.tenant_id, decided.decision_id
    if envelope.occurred_at > as_of:
        return "after_as_of"
    if decided.feature_service != service.name:
        return "other_feature_service"
    if decided.degraded:
        return "degraded"
    if key not in rewards:
        return "never_exposed"
    if (reward := rewards[key]) is None:
        return "open"
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
