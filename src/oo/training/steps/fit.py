from pathlib import Path

from oo.training.candidate import Report
from oo.training.dataset import Dataset
from oo.training.steps.catalogs import catalog_of
from oo.training.trainer import train


def fit(*, catalog: str, feature_service: str, dataset: Path, seed: int, candidate: Path) -> Report:
    """Train on the folder `dataset` and write the model into the folder `candidate`."""
    trained = train(Dataset.load(dataset), catalog_of(catalog).service(feature_service), seed=seed)
    trained.save(candidate)
    return trained.report
