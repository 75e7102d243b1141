import numpy as np
import pytest

from oo.models.onnx_model import OnnxModel
from oo.training.evidence import Entrant
from tests.unit.training.gates.court import Court, logistic, refusals


def test_a_file_that_is_not_the_model_is_refused_however_good_it_is(court: Court, better: Entrant) -> None:
    rows, rewards = court.fitted
    another = logistic(rows, rewards, strength=0.04)
    apart = np.abs(OnnxModel(better.onnx).score(rows) - another.predict_proba(rows)[:, 1]).max()
    (refused,) = refusals(court.evidence(better, parity_difference=float(apart)))
    assert refused.name == "parity"
    assert f"by {apart:.2g}, not within 1e-05" in refused.sentence


@pytest.mark.parametrize(("difference", "passes"), [(1e-5, True), (1.1e-5, False), (float("nan"), False)])
def test_the_tolerance_is_met_or_not(court: Court, better: Entrant, difference: float, *, passes: bool) -> None:
    assert (refusals(court.evidence(better, parity_difference=difference)) == []) is passes
