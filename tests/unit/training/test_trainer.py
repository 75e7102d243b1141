import hashlib
import subprocess
import sys

import numpy as np
import pytest

from oo.models.onnx_model import OnnxModel
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.trainer import train
from tests.training_data import SERVICE, digit_dataset

ROWS = 160
ELSEWHERE = f"""
import hashlib
from oo.training.trainer import train
from tests.training_data import SERVICE, digit_dataset
print(hashlib.sha256(train(digit_dataset({ROWS}), SERVICE, seed=7).onnx).hexdigest())
"""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return digit_dataset(ROWS)


@pytest.fixture(scope="module")
def candidate(dataset: Dataset) -> Candidate:
    return train(dataset, SERVICE, seed=7)


def test_equal_rows_and_seed_give_equal_bytes_in_another_process(candidate: Candidate) -> None:
    told = subprocess.run([sys.executable, "-c", ELSEWHERE], check=True, capture_output=True, text=True).stdout  # noqa: S603
    assert told.strip() == hashlib.sha256(candidate.onnx).hexdigest()


def test_the_holdout_is_not_looked_at(candidate: Candidate) -> None:
    other = digit_dataset(ROWS)
    other.rows[other.holdout] = 0
    trained = train(other, SERVICE, seed=7)
    assert (trained.onnx, trained.report) == (candidate.onnx, candidate.report)


def test_a_changed_row_changes_the_bytes(candidate: Candidate) -> None:
    other = digit_dataset(ROWS)
    other.rows[40, :64] = 16 - other.rows[40, :64]
    assert train(other, SERVICE, seed=7).onnx != candidate.onnx


def test_a_candidate_scores_and_tells_how_it_came_about(dataset: Dataset, candidate: Candidate) -> None:
    scores = OnnxModel(candidate.onnx).score(dataset.rows)
    assert np.all((scores >= 0) & (scores <= 1))
    report = candidate.report
    assert report.recipe == min(report.log_loss, key=lambda name: report.log_loss[name])
    assert report.parameters in [one.parameters for one in report.tried if one.recipe == report.recipe]
    assert (report.parity_rows, report.searched_rows, report.seed) == (480, 120, 7)
    assert report.parity_difference <= 1e-5
    assert report.calibration is not None
    assert report.calibration.judged_on == 20


def test_a_candidate_tells_what_it_took(candidate: Candidate) -> None:
    assert candidate.cost is not None
    assert list(candidate.cost.seconds) == ["search", "compare and calibrate", "fit", "export", "parity"]
    assert all(seconds > 0 for seconds in candidate.cost.seconds.values())
    assert 50 < candidate.cost.peak_mib < 20_000
