from oo.features.services import FeatureService
from oo.training.candidate import Candidate, Report
from oo.training.dataset import Dataset
from oo.training.export import to_onnx, verified
from oo.training.model import fit


def train(dataset: Dataset, service: FeatureService, *, seed: int) -> Candidate:
    """A model of the dataset's older rows, exported and proven equal; the holdout is not looked at.

    Equal datasets and seeds give equal bytes.

    Raises:
        TrainingRefused: too few rows or rewards, or an export that differs from the model.
    """
    rows = dataset.rows[dataset.fitted]
    fitted = fit(rows, dataset.rewards[dataset.fitted], seed=seed)
    onnx = to_onnx(fitted.estimator, service)
    parity = verified(onnx, fitted.estimator, rows, service)
    return Candidate(onnx, Report(fitted.recipe, fitted.log_loss, parity.rows, parity.max_difference, seed))
