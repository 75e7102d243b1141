from oo import catalog as catalogs
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import ModelVersion
from oo.settings import PipelineSettings
from oo.training.prior import bootstrap as first_champion
from oo.wiring.process import on_the_bus


async def bootstrap(settings: PipelineSettings) -> list[ModelVersion]:
    """What a fresh installation needs: streams, durables, buckets, and a champion for each feature service.

    Harmless where all of that is there already.

    Returns:
        The champion of each feature service.

    Raises:
        BusUnreachable: no NATS server answered.
        RegistryUnreachable: the MLflow server did not answer.
        InvalidCatalog: a catalog file is missing or contradicts itself.
    """
    catalog = catalogs.load(settings.catalog)
    async with on_the_bus(settings, "oo-bootstrap"):
        registry = MlflowRegistry(settings.mlflow_url)
        return [first_champion(registry, service) for service in catalog.feature_services]
