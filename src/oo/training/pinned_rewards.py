"""What decisions earned according to one version of the offline store, whatever has been joined since."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from oo.catalog import Catalog
from oo.events.codec import decode
from oo.events.envelope import Envelope, EventType
from oo.offline.store import OfflineStore
from oo.rewards.database import connect
from oo.rewards.join import apply

_BATCH = 1_000


@contextmanager
def pinned_rewards(store: OfflineStore, catalog: Catalog, version: int) -> Iterator[Engine]:
    """A database with the reward join of the version's decisions and feedback, gone at the end.

    A reaction that arrives late changes `tip_scores` even for an old moment; here it cannot.

    Args:
        store: what was decided and fed back.
        catalog: says how long after an exposure a reaction counts.
        version: the table version to read.

    Raises:
        OfflineStoreFailed: there is no such version, or it cannot be read.
    """
    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'tip_scores.db'}")
        try:
            joined = _joined(store, catalog, version)
            while envelopes := list(islice(joined, _BATCH)):
                apply(engine, envelopes, lambda tenant: catalog.tenant(tenant).reward_window)
            yield engine
        finally:
            engine.dispose()


def _joined(store: OfflineStore, catalog: Catalog, version: int) -> Iterator[Envelope]:
    tenants = [tenant.name for tenant in catalog.tenants]
    kinds: tuple[EventType, ...] = ("score_decided", "tip_exposed", "tip_reacted")
    for batch in store.scan(kinds, tenant_ids=tenants, version=version, columns=["payload"]):
        for payload in batch.column("payload").to_pylist():
            yield decode(payload.encode())
