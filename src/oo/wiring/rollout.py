from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oo import catalog as catalogs
from oo.offline.store import OfflineStore
from oo.registry.history import Subject
from oo.registry.mlflow_registry import MlflowRegistry
from oo.rewards import database
from oo.rollout.conductor import Conductor
from oo.rollout.model_evidence import ModelEvidence
from oo.rollout.model_versions import ModelVersions
from oo.rollout.traffic import Actuator
from oo.settings import PipelineSettings
from oo.wiring.history import history
from oo.wiring.process import now


@asynccontextmanager
async def conducting(settings: PipelineSettings, model: str, actuator: Actuator | None) -> AsyncIterator[Conductor]:
    """What moves a model through its rollout, over the stores of a running stack.

    Args:
        settings: where the stores are, and how careful it is.
        model: such as "digits".
        actuator: moves the traffic; None for who may only propose.

    Raises:
        BusUnreachable: no NATS server answered.
        InvalidCatalog: a catalog file is missing or contradicts itself.
    """
    registry, scores = MlflowRegistry(settings.mlflow_url), database.connect(settings.tip_scores_url)
    evidence = ModelEvidence(
        store=OfflineStore(settings.offline_store),
        rewards=scores,
        registry=registry,
        catalog=catalogs.load(settings.catalog),
        requirements=settings.rollout,
    )
    try:
        async with history(settings, "oo-rollout") as told:
            yield Conductor(
                subject=Subject(kind="model", name=model),
                history=told,
                versions=ModelVersions(registry),
                actuator=actuator,
                evidence=evidence,
                requirements=settings.rollout,
                now=now,
            )
    finally:
        scores.dispose()
