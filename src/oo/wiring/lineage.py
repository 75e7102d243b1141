from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oo import catalog as catalogs
from oo.lineage import Tracer
from oo.offline.store import OfflineStore
from oo.registry.mlflow_registry import MlflowRegistry
from oo.rewards import database
from oo.settings import PipelineSettings
from oo.wiring.process import connected, now


@asynccontextmanager
async def tracing(settings: PipelineSettings) -> AsyncIterator[Tracer]:
    """A tracer over all stores of a running stack; it reads and changes nothing.

    Raises:
        BusUnreachable: no NATS server answered.
    """
    connection = await connected(settings, "oo-lineage")
    try:
        yield Tracer(
            jetstream=connection.jetstream(),
            offline=OfflineStore(settings.offline_store),
            scores=database.connect(settings.tip_scores_url),
            registry=MlflowRegistry(settings.mlflow_url),
            catalog=catalogs.load(settings.catalog),
            now=now,
        )
    finally:
        await connection.close()
