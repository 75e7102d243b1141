"""What decisions earned according to one version of the offline store, whatever has been joined since."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.catalog import Catalog
from oo.events.codec import decode
from oo.events.decision import ScoreDecided
from oo.events.envelope import Envelope
from oo.events.feedback import TipExposed, TipReacted
from oo.offline.store import OfflineStore
from oo.rewards.outcome import REWARDED, Feedback, Outcome, outcome
from oo.training.rewards import Earned, Rewards
from oo.training.shards import Shard

Key = tuple[str, str]
"""Tenant and decision."""


def pinned_rewards(  # noqa: PLR0913  # a version's rewards take a version and a moment
    store: OfflineStore, catalog: Catalog, tenants: Sequence[str], shard: Shard, *, version: int, as_of: datetime
) -> Rewards:
    """The rewards out of the version's own feedback, by the rule that `oo.rewards` writes into `tip_scores`.

    A reaction that arrives late changes `tip_scores` even for an old moment; here it cannot.

    Args:
        store: what was decided and fed back.
        catalog: says how long after an exposure a reaction counts.
        tenants: whose decisions are asked for.
        shard: the people whose decisions are asked for.
        version: the table version to read.
        as_of: a window that ends later is still open.

    Raises:
        OfflineStoreFailed: there is no such version, or it cannot be read.
    """
    # By decision, since that is what feedback is joined on, whoever it names as the person.
    wanted = None if shard.count == 1 else _decisions_of(store, tenants, version, shard)
    feedback: defaultdict[Key, list[Feedback]] = defaultdict(list)
    for key, told in _feedback(store, tenants, version, wanted):
        feedback[key].append(told)

    def earned(envelope: Envelope, decided: ScoreDecided) -> Earned:
        window = catalog.tenant(envelope.tenant_id).reward_window
        of_it = feedback.get((envelope.tenant_id, decided.decision_id), ())
        return _earned(outcome(decided.tip_id, window, of_it), as_of)

    return earned


def _earned(found: Outcome, as_of: datetime) -> Earned:
    """As `oo.rewards.queries.exposures` tells it."""
    if found.exposed_at is None or found.closes_at is None or found.exposed_at > as_of:
        return "never_exposed"
    if found.closes_at > as_of:
        return "open"
    return float(found.reaction in REWARDED and not found.late)


def _decisions_of(store: OfflineStore, tenants: Sequence[str], version: int, shard: Shard) -> frozenset[Key]:
    columns = ["tenant_id", "user_id", "decision_id"]
    batches = store.scan(["score_decided"], tenant_ids=tenants, version=version, columns=columns)
    return frozenset(key for batch in batches for key in _keys(batch.filter(shard.among(batch))))


def _feedback(
    store: OfflineStore, tenants: Sequence[str], version: int, wanted: frozenset[Key] | None
) -> Iterator[tuple[Key, Feedback]]:
    columns = ["tenant_id", "decision_id", "payload"]
    for batch in store.scan(["tip_exposed", "tip_reacted"], tenant_ids=tenants, version=version, columns=columns):
        told = batch if wanted is None else batch.filter(pa.array([key in wanted for key in _keys(batch)], pa.bool_()))
        for key, payload in zip(_keys(told), told["payload"], strict=True):
            envelope = decode(payload.as_py().encode())
            event = envelope.event
            if isinstance(event, TipExposed | TipReacted):
                kind = event.kind if isinstance(event, TipReacted) else None
                yield key, Feedback(event.tip_id, kind, envelope.occurred_at)


def _keys(batch: pa.RecordBatch) -> Iterator[Key]:
    return zip(batch["tenant_id"].to_pylist(), batch["decision_id"].to_pylist(), strict=True)
