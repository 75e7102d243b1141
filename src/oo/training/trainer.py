from oo.features.services import FeatureService
from oo.training.candidate import Candidate
from oo.training.cost import Cost, Stages
from oo.training.dataset import Dataset
from oo.training.export import to_onnx, verified
from oo.training.model import fit
from oo.training.peak_memory import peak_mib
from oo.training.report import Report


def train(dataset: Dataset, service: FeatureService, *, seed: int) -> Candidate:
    """A model of the dataset's older rows, exported and proven equal; the holdout is not looked at.

    Equal datasets and seeds give equal bytes and an equal report, in any process.

    Raises:
        TrainingRefused: too few rows or rewards, or an export that differs from the model.
    """
    rows, stages = dataset.rows[dataset.fitted], Stages()
    fitted = fit(rows, dataset.rewards[dataset.fitted], seed=seed, stages=stages)
    with stages.timed("export"):
        onnx = to_onnx(fitted.estimator, service)
    with stages.timed("parity"):
        parity = verified(onnx, fitted.estimator, rows, service)
    report = Report(
        recipe=fitted.recipe,
        log_loss=fitted.log_loss,
        parity_rows=parity.rows,
        parity_difference=parity.max_difference,
        seed=seed,
        parameters=fitted.parameters,
        searched_rows=fitted.searched_rows,
        tried=fitted.tried,
        calibration=fitted.calibration,
    )
    return Candidate(onnx, report, Cost(stages.seconds, peak_mib()))
