from pathlib import Path

from oo.registry.mlflow_registry import MlflowRegistry
from oo.training import challenge
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.steps.catalogs import catalog_of


def register(*, catalog: str, feature_service: str, mlflow_url: str, dataset: Path, candidate: Path) -> int:
    """Register the model in the folder `candidate` as the challenger; returns its version."""
    return challenge.register(
        MlflowRegistry(mlflow_url),
        catalog_of(catalog).service(feature_service),
        Candidate.load(candidate),
        Dataset.load(dataset),
    ).version
