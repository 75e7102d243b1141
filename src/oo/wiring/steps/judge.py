from pathlib import Path

from oo import catalog as catalogs
from oo.cards.card import Card
from oo.registry.mlflow_registry import MlflowRegistry
from oo.settings import PipelineSettings
from oo.training import challenge
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.verdict import Verdict


def judge(  # noqa: PLR0913  # a step's inputs and outputs, given by name
    settings: PipelineSettings, feature_service: str, *, dataset: Path, candidate: Path, card: str, verdict: Path
) -> Verdict:
    """Judge the model in the folder `candidate` by the holdout of the folder `dataset`; the file `verdict` tells it.

    Args:
        settings: where registry and catalog are.
        feature_service: such as "tips@1".
        dataset: the folder of the dataset.
        candidate: the folder of the model.
        card: the text of the model's card, whose segments nobody may be worse off by; nothing yet when empty.
        verdict: the file to write.
    """
    told = challenge.judge(
        MlflowRegistry(settings.mlflow_url),
        catalogs.load(settings.catalog).service(feature_service),
        Candidate.load(candidate),
        Dataset.load(dataset),
        named=Card.parse(card).segments if card else (),
    )
    verdict.write_text(told.model_dump_json(), encoding="utf-8")
    return told
