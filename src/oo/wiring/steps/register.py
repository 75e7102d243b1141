from pathlib import Path

from oo import catalog as catalogs
from oo.registry.mlflow_registry import MlflowRegistry
from oo.settings import PipelineSettings
from oo.training import registration
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.verdict import Verdict


def register(  # noqa: PLR0913  # a step's inputs and outputs, given by name
    settings: PipelineSettings, feature_service: str, *, dataset: Path, candidate: Path, card: str, verdict: Path
) -> int:
    """Register the model in the folder `candidate` with its verdict and its card; returns its version."""
    return registration.register(
        MlflowRegistry(settings.mlflow_url),
        catalogs.load(settings.catalog).service(feature_service),
        Candidate.load(candidate),
        Dataset.load(dataset),
        Verdict.model_validate_json(verdict.read_bytes()),
        card,
    ).version
