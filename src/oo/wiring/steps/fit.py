from pathlib import Path

from oo import catalog as catalogs
from oo.settings import PipelineSettings
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.trainer import train


def fit(settings: PipelineSettings, feature_service: str, *, dataset: Path, seed: int, candidate: Path) -> Candidate:
    """Train on the folder `dataset` and write the model into the folder `candidate`."""
    trained = train(Dataset.load(dataset), catalogs.load(settings.catalog).service(feature_service), seed=seed)
    trained.save(candidate)
    return trained
