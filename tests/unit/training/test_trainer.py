import hashlib

import numpy as np

from oo.models.onnx_model import OnnxModel
from oo.training.trainer import train
from tests.training_data import SERVICE, digit_dataset


def test_equal_rows_and_seed_give_equal_bytes() -> None:
    digests = {hashlib.sha256(train(digit_dataset(160), SERVICE, seed=7).onnx).hexdigest() for _ in range(2)}
    assert len(digests) == 1


def test_the_holdout_is_not_looked_at() -> None:
    dataset, other = digit_dataset(160), digit_dataset(160)
    other.rows[other.holdout] = 0
    assert train(dataset, SERVICE, seed=7).onnx == train(other, SERVICE, seed=7).onnx


def test_a_candidate_scores_and_tells_how_it_came_about() -> None:
    dataset = digit_dataset(160)
    candidate = train(dataset, SERVICE, seed=7)
    scores = OnnxModel(candidate.onnx).score(dataset.rows)
    assert np.all((scores >= 0) & (scores <= 1))
    assert candidate.report.recipe == min(candidate.report.log_loss, key=lambda name: candidate.report.log_loss[name])
    assert candidate.report.parity_difference <= 1e-5
    assert candidate.report.seed == 7
