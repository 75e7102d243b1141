import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest

from oo.errors import OffPolicyRefused
from oo.experiments.draw import draw
from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.off_policy import Bootstrap, Estimate, ips, snips
from oo.experiments.policy import Arms

# What an independent library computed; the folder's README tells which.
ORACLE = Path(__file__).parents[2] / "data" / "off-policy-oracle"
EXPECTED = json.loads((ORACLE / "expected.json").read_text(encoding="utf-8"))
CASES = ["mild", "sharp", "real_valued"]

Estimator = Callable[[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, Bootstrap], Estimate]

every_estimator = pytest.mark.parametrize("estimator", [ips, snips])


class Log(NamedTuple):
    reward: npt.NDArray[np.float64]
    propensity: npt.NDArray[np.float64]
    target: npt.NDArray[np.float64]


def oracle_log(case: str) -> Log:
    with np.load(ORACLE / f"{case}.npz") as rows:
        target = rows["target"][np.arange(len(rows["action"])), rows["action"]]
        return Log(rows["reward"], rows["propensity"], target)


def bootstrap(resamples: int = 200, confidence: float = 0.95) -> Bootstrap:
    return Bootstrap(np.random.default_rng(0), confidence, resamples)


@pytest.mark.parametrize("case", CASES)
def test_the_oracle_agrees_to_twelve_digits(case: str) -> None:
    log, expected = oracle_log(case), EXPECTED[case]
    for name, estimator in (("ips", ips), ("snips", snips)):
        estimate = estimator(*log, bootstrap())
        assert estimate.value == pytest.approx(expected["estimates"][name], rel=1e-12)
        assert estimate.effective_sample_size == pytest.approx(expected["effective_sample_size"], rel=1e-12)
        assert estimate.mean_weight == pytest.approx(expected["mean_weight"], rel=1e-12)
        assert estimate.largest_weight == pytest.approx(expected["largest_weight"], rel=1e-12)


@every_estimator
@pytest.mark.parametrize("case", CASES)
def test_the_same_seed_gives_the_same_interval_around_the_value(case: str, estimator: Estimator) -> None:
    first, second = (estimator(*oracle_log(case), bootstrap()) for _ in range(2))
    assert first == second
    assert first.interval.low < first.value < first.interval.high


def test_a_higher_confidence_widens_the_interval() -> None:
    log = oracle_log("mild")
    narrow, wide = (ips(*log, bootstrap(confidence=confidence)).interval for confidence in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@every_estimator
def test_the_interval_is_the_normal_one_where_that_holds(estimator: Estimator) -> None:
    rewards = np.repeat([1.0, 0.0], [300, 700])
    even = np.full(1_000, 0.5)
    interval = estimator(rewards, even, even, bootstrap(resamples=4_000, confidence=0.9)).interval
    error = 1.645 * np.sqrt(0.3 * 0.7 / 1_000)
    assert interval == pytest.approx((0.3 - error, 0.3 + error), abs=0.002)


@every_estimator
def test_a_policys_own_log_is_its_plain_mean(estimator: Estimator) -> None:
    estimate = estimator([0, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5], bootstrap())
    assert estimate.value == pytest.approx(0.6, rel=1e-12)
    assert estimate.effective_sample_size == pytest.approx(5, rel=1e-12)


RATES = np.array([0.1, 0.3, 0.6, 0.2])
ARMS = Arms(("walk", "nap", "read", "call"), scores=np.array([0.3, 0.2, 0.1, 0.4]))
LOGGING = EpsilonGreedy(version="1", epsilon=0.5).probabilities(ARMS, {})
TARGET = np.array([0.1, 0.1, 0.7, 0.1])


def logged(n: int, rng: np.random.Generator) -> Log:
    """Decisions as the scorer makes them, and rewards that their arms earn."""
    chosen = np.array([draw(UUID(bytes=rng.bytes(16)), ARMS.tip_ids, LOGGING) for _ in range(n)])
    reward = (rng.random(n) < RATES[chosen]).astype(np.float64)
    return Log(reward, LOGGING[chosen], TARGET[chosen])


@every_estimator
def test_most_intervals_hold_what_the_target_policy_truly_earns(estimator: Estimator) -> None:
    rng = np.random.default_rng(6)
    truth = float(RATES @ TARGET)
    intervals = [estimator(*logged(300, rng), Bootstrap(rng, resamples=200)).interval for _ in range(100)]
    assert 88 <= sum(interval.low <= truth <= interval.high for interval in intervals) <= 100


@every_estimator
@pytest.mark.parametrize("propensity", [0.0, -0.1, 1.1, np.nan, np.inf, None])
def test_a_missing_or_impossible_propensity_is_refused(estimator: Estimator, propensity: float) -> None:
    with pytest.raises(
        OffPolicyRefused, match=r"logged propensity of 1 of 3 decisions .* first in row 1; .* no default"
    ):
        estimator([1, 0, 1], np.array([0.5, propensity, 0.5], dtype=np.float64), [1, 1, 1], bootstrap())


@every_estimator
@pytest.mark.parametrize("probability", [-0.1, 1.1, np.nan])
def test_an_impossible_target_probability_is_refused(estimator: Estimator, probability: float) -> None:
    with pytest.raises(OffPolicyRefused, match="target probability of 1 of 2 decisions"):
        estimator([1, 0], [0.5, 0.5], [0.5, probability], bootstrap())


@every_estimator
def test_a_reward_that_is_still_open_is_refused(estimator: Estimator) -> None:
    with pytest.raises(OffPolicyRefused, match="reward of 1 of 2 decisions"):
        estimator([1, np.nan], [0.5, 0.5], [0.5, 0.5], bootstrap())


@every_estimator
@pytest.mark.parametrize("rows", [([], [], []), ([1], [0.5, 0.5], [1]), ([[1]], [[1]], [[1]])])
def test_rows_that_do_not_fit_together_are_refused(
    estimator: Estimator, rows: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]
) -> None:
    with pytest.raises(OffPolicyRefused, match="three rows of one length"):
        estimator(*rows, bootstrap())


def test_a_target_that_would_have_made_no_logged_choice_earns_nothing_by_ips_and_is_refused_by_snips() -> None:
    rows = [1, 1], [0.5, 0.5], [0, 0]
    estimate = ips(*rows, bootstrap())
    assert (estimate.value, estimate.effective_sample_size, estimate.mean_weight) == (0, 0, 0)
    with pytest.raises(OffPolicyRefused, match="none of the logged choices"):
        snips(*rows, bootstrap())


def test_resamples_that_the_target_would_not_have_made_do_not_break_the_interval() -> None:
    estimate = snips([1, 0, 0], [0.5, 0.5, 0.5], [1, 0, 0], bootstrap())
    assert estimate.interval == (1, 1)
