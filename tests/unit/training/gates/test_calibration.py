from dataclasses import replace

import numpy as np
import pytest

from oo.training.evidence import Entrant
from oo.training.gates.calibration import Calibration, bins_of, calibration_error
from oo.training.gates.gate import Evidence
from oo.training.prior import prior
from tests.training_data import SERVICE, dataset_of
from tests.unit.training.gates.court import Court, entrant, known_a_day_later, logistic, refusals, scored


def test_a_challenger_that_hardly_dares_to_differ_is_refused_however_well_it_ranks(court: Court) -> None:
    timid = entrant(logistic(*court.fitted, strength=1e-3))
    against_nothing = replace(court, champion=Entrant(prior(SERVICE), SERVICE.digest))
    (refused,) = refusals(against_nothing.evidence(timid))
    assert refused.name == "calibration"
    assert "too much, at least 0.1000" in refused.sentence


def test_an_error_that_may_be_too_much_is_inconclusive(evidence: Evidence) -> None:
    figures = Calibration().judge(evidence).figures
    between = (figures["error"] + figures["high"]) / 2
    result = Calibration(at_most=between).judge(evidence)
    assert not result.passed
    assert result.figures["low"] < figures["error"] < between < result.figures["high"]
    assert result.sentence.endswith("that is inconclusive.")


def test_where_rewards_are_rare_their_share_is_already_too_much(evidence: Evidence) -> None:
    """One in a hundred is rewarded; three in a hundred are announced."""
    rewards = (np.arange(8_000) % 100 == 0).astype(float)
    rare = replace(
        scored(evidence, np.full(2_000, 0.03)),
        dataset=known_a_day_later(dataset_of(np.zeros((8_000, 1), dtype=np.float32), rewards)),
    )
    result = Calibration().judge(rare)
    assert not result.passed
    assert "too much, at least 0.0100" in result.sentence
    assert Calibration().judge(scored(rare, np.full(2_000, 0.011))).passed


def test_the_interval_holds_the_error_of_a_bin_that_is_known() -> None:
    """All scores are 0.3, half are rewarded: the error is 0.2."""
    rng, held = np.random.default_rng(7), 0
    for _ in range(100):
        rewards = (rng.random(300) < 0.5).astype(float)
        scores = np.full(300, 0.3)
        gate = Calibration(resamples=200)
        bins = bins_of(scores, 10)
        error = calibration_error(rewards, scores, bins)
        low, high = gate._interval(rewards, scores, bins, error)  # noqa: SLF001  # its coverage is the promise
        held += int(low <= 0.2 <= high)
    assert 0.88 <= held / 100 <= 1.0


def test_bins_hold_equally_many_rows_and_equal_scores_share_one() -> None:
    rng = np.random.default_rng(0)
    assert np.bincount(bins_of(rng.random(100), 5)).tolist() == [20] * 5
    assert bins_of(np.full(100, 0.5), 5).tolist() == [0] * 100


def test_a_calibration_error_is_what_the_bins_are_off_by() -> None:
    rewards, scores = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.2, 0.2, 0.9, 0.9])
    assert calibration_error(rewards, scores, np.array([0, 0, 1, 1])) == pytest.approx((0.3 + 0.1) / 2)
