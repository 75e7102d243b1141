from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

from oo import catalog as catalogs
from oo.bus.dead_letter_box import DeadLetterBox
from oo.bus.streams import FEATURES_BUCKET, TIPS_BUCKET
from oo.bus.tombstones import Person
from oo.catalog import Catalog
from oo.erasure.datasets import Datasets
from oo.erasure.forget import Forgetting
from oo.erasure.kept_tips import KeptTips
from oo.erasure.letters import Letters
from oo.erasure.models import TrainingRows
from oo.erasure.offline import Table
from oo.erasure.online import Document
from oo.erasure.place import Place
from oo.erasure.scores import Rows
from oo.erasure.stream import Messages
from oo.errors import UnknownTenant
from oo.events.subjects import DURABLES
from oo.features.nats_online_store import NatsOnlineStore
from oo.features.online_store import OnlineStore
from oo.offline.predicates import PersonsRows
from oo.offline.store import OfflineStore
from oo.offline.stream_account import ARCHIVED_STREAMS
from oo.registry.mlflow_registry import MlflowRegistry
from oo.rewards import database
from oo.rewards.erasure import TIMES, tenants_of
from oo.settings import PipelineSettings
from oo.wiring.process import bucket, connected, now
from oo.writing.nats_tip_cache import NatsTipCache

PATIENCE = 5.0
"""Seconds that the bus may take to find a person's tips."""


@asynccontextmanager
async def erasure(settings: PipelineSettings, user_id: str, tenant_id: str | None) -> AsyncIterator[Forgetting]:
    """One person in all stores of a running stack.

    Raises:
        BusUnreachable: no NATS server answered, or it has no bucket of documents.
        UnknownTenant: no tenant was named, and the stores do not tell which one is meant.
    """
    catalog, store = catalogs.load(settings.catalog), OfflineStore(settings.offline_store)
    engine = database.connect(settings.tip_scores_url)
    registry = MlflowRegistry(settings.mlflow_url)
    connection = await connected(settings, "oo-forget")
    try:
        js = connection.jetstream()
        online = NatsOnlineStore(await bucket(js, FEATURES_BUCKET), Random())  # noqa: S311  # spreads retries
        tips = NatsTipCache(await bucket(js, TIPS_BUCKET), patience=PATIENCE)
        if tenant_id is None:
            known = store.tenants_of(user_id) | tenants_of(engine, user_id)
            tenant_id = _the_tenant(catalog, known | await _with_document(online, catalog, user_id))
        person = Person(tenant_id, user_id)

        def places(until: datetime) -> Sequence[Place]:
            rows = PersonsRows(person.tenant_id, person.user_id, until)
            return (
                Document(online, person, until),
                KeptTips(tips, person),
                *(Messages(js, stream, person, until) for stream in ARCHIVED_STREAMS),
                # After the streams: a message may be buried until it is gone.
                Letters(DeadLetterBox(js, lambda _: None), person, until),
                *(Rows(engine, table, person, until) for table in TIMES),
                Table(js, [durable for durable in DURABLES if durable.consumer == "archive"], store, rows, now),
                Datasets(settings.pipeline_root, person, until),
                TrainingRows(registry, sorted({service.model for service in catalog.feature_services}), person),
            )

        yield Forgetting(js, person, places, now)
    finally:
        engine.dispose()
        await connection.close()


async def _with_document(online: OnlineStore, catalog: Catalog, user_id: str) -> set[str]:
    return {tenant.name for tenant in catalog.tenants if await online.get(tenant.name, user_id) is not None}


def _the_tenant(catalog: Catalog, known: set[str]) -> str:
    if not known and len(catalog.tenants) == 1:
        return catalog.tenants[0].name
    if len(known) == 1:
        return known.pop()
    where = f"this id is somebody in each of {', '.join(sorted(known))}" if known else "no store knows this id"
    names = ", ".join(tenant.name for tenant in catalog.tenants)
    raise UnknownTenant(f"{where}; say whose person it is with --tenant (the catalog has {names})")
