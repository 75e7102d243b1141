from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from tests.training_data import dataset_of
from tests.unit.training.gates.court import Court, court_of, entrant, known_a_day_later, logistic, refusals


def with_first_pixel(court: Court, pixel: npt.NDArray[np.float32]) -> Court:
    rows = court.dataset.rows.copy()
    rows[:, 0] = pixel
    return replace(court, dataset=known_a_day_later(dataset_of(rows, court.dataset.rewards)))


def test_a_column_that_was_written_after_the_reaction_is_refused_however_good_it_makes_the_model(court: Court) -> None:
    rewards = court.dataset.rewards
    noise = np.random.default_rng(1).normal(0, 0.25, len(rewards))
    leaking = with_first_pixel(court, (rewards + noise).astype(np.float32))
    (refused,) = refusals(leaking.evidence(entrant(logistic(*leaking.fitted, strength=1))))
    assert refused.name == "leakage"
    assert refused.sentence.startswith("context.pixel_00 (AUC 0.9")
    assert "written after the reaction" in refused.sentence
    assert refused.figures["suspected"] == 1


def test_a_column_that_is_mostly_absent_without_a_reward_is_refused(court: Court) -> None:
    rewards, rng = court.dataset.rewards, np.random.default_rng(1)
    pixel = np.where((rewards == 0) & (rng.random(len(rewards)) < 0.8), np.nan, 1).astype(np.float32)
    leaking = with_first_pixel(court, pixel)
    (refused,) = refusals(leaking.evidence(entrant(logistic(*leaking.fitted))))
    assert refused.name == "leakage"
    assert refused.sentence.startswith("the absence of context.pixel_00 (AUC 0.9")


def test_a_category_that_is_absent_without_a_reward_is_refused(court: Court) -> None:
    rows = court.dataset.rows.copy()
    rows[court.dataset.rewards == 0, 64:] = 0
    leaking = Court(known_a_day_later(dataset_of(rows, court.dataset.rewards)), court.champion)
    refused = {reason.name: reason.sentence for reason in refusals(leaking.evidence(court.champion))}
    assert "the absence of candidate.tip_id (AUC 1.0000" in refused["leakage"]


@pytest.mark.parametrize("low", [0.0, 30.0])
def test_a_leak_of_any_shape_is_found(court: Court, low: float) -> None:
    """Rewarded decisions lie above the others, or between them."""
    rewards = court.dataset.rewards
    others = np.random.default_rng(2).choice([0.0, low], len(rewards))
    leaking = with_first_pixel(court, np.where(rewards == 1, 7, others).astype(np.float32))
    refused = {reason.name: reason.sentence for reason in refusals(leaking.evidence(court.champion))}
    assert "context.pixel_00 (AUC 1.0000" in refused["leakage"]


def test_an_honest_column_may_be_absent_at_random(court: Court) -> None:
    pixel = np.where(np.random.default_rng(1).random(len(court.dataset.rows)) < 0.5, np.nan, court.dataset.rows[:, 20])
    honest = with_first_pixel(court, pixel.astype(np.float32))
    assert refusals(honest.evidence(entrant(logistic(*honest.fitted)))) == []


def test_a_holdout_without_rewards_tells_nothing_which_is_a_no() -> None:
    rewards = (np.arange(400) < 40).astype(float)
    court = court_of(known_a_day_later(dataset_of(np.ones((400, 74), dtype=np.float32), rewards)))
    refused = {reason.name: reason.sentence for reason in refusals(court.evidence(court.champion))}
    assert "No column can be asked" in refused["leakage"]
