import math

import numpy as np
import pytest

from oo.rollout.comparison import Rates, Times
from oo.rollout.sketch import Sketch


def test_the_difference_of_two_rates_is_the_published_one() -> None:
    """The first example of Newcombe's paper, 56/70 against 48/80."""
    low, high = Rates.of((48, 80), (56, 70), 0.95).difference
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(("rate", "other"), [(0.05, 0.05), (0.02, 0.06), (0.5, 0.4)])
def test_the_interval_of_a_difference_holds_the_true_one_as_often_as_it_says(rate: float, other: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for stable, candidate in zip(rng.binomial(500, rate, 1_000), rng.binomial(200, other, 1_000), strict=True):
        low, high = Rates.of((int(stable), 500), (int(candidate), 200), 0.95).difference
        held += low <= other - rate <= high
    assert 0.93 <= held / 1_000 <= 0.98


def test_a_side_without_trials_says_nothing() -> None:
    rates = Rates.of((0, 0), (5, 10), 0.99)
    assert (rates.difference, rates.stable_rate) == ((-1.0, 1.0), 0.0)


def test_a_ratio_of_times_is_as_wide_as_both_sides_are_unsure() -> None:
    stable, candidate = Sketch(), Sketch()
    for milliseconds in range(1, 1_001):
        stable.add(milliseconds / 1e3)
        candidate.add(3 * milliseconds / 1e3)
    times = Times.of(stable, candidate, 0.5, 0.99)
    assert 2.4 < times.ratio.low < 3 < times.ratio.high < 3.7
    assert Times.of(stable, Sketch(), 0.5, 0.99).ratio == (0.0, math.inf)


def test_a_report_reads_back_what_it_wrote_where_there_is_no_bound() -> None:
    times = Times.of(Sketch(), Sketch(), 0.5, 0.99)
    assert Times.model_validate_json(times.model_dump_json()).ratio == times.ratio
    assert "Infinity" in times.model_dump_json()
