from pathlib import Path

from oo.registry.mlflow_registry import MlflowRegistry
from oo.training.challenge import Outcome, decide
from oo.training.dataset import Dataset
from oo.training.steps.catalogs import catalog_of


def judge(*, catalog: str, feature_service: str, mlflow_url: str, dataset: Path, version: int) -> Outcome:
    """Judge a registered version by the holdout of the folder `dataset`, and promote it or not."""
    service = catalog_of(catalog).service(feature_service)
    registry = MlflowRegistry(mlflow_url)
    (challenger,) = (found for found in registry.versions(service.model) if found.version == version)
    return decide(registry, service, challenger, Dataset.load(dataset))
