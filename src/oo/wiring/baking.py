from pathlib import Path

from oo import catalog as catalogs
from oo.decisions.champions import Champions
from oo.registry.baked_registry import BakedRegistry, bake
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import ModelVersion
from oo.settings import PipelineSettings


def bake_champions(settings: PipelineSettings, folder: Path) -> list[ModelVersion]:
    """Write the champions of the catalog's feature services from MLflow into a folder, for `OO_MODELS`.

    Raises:
        UnknownModel: a feature service has no champion.
        ModelNotReady: a scorer would refuse one, such as one that was trained on other columns.
        RegistryUnreachable: the MLflow server did not answer.
        InvalidCatalog: a catalog file is missing or contradicts itself.
    """
    catalog = catalogs.load(settings.catalog)
    services = catalog.feature_services
    baked = bake(MlflowRegistry(settings.mlflow_url), (service.model for service in services), folder)
    # Now, and not when the image that holds them starts.
    champions = Champions(BakedRegistry(folder), catalog)
    champions.refresh()
    for service in services:
        champions.of(service)
    return baked
