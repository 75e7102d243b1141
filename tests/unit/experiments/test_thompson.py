from uuid import UUID

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oo.experiments.draw import draw
from oo.experiments.policies import PolicySpec
from oo.experiments.policy import Arms
from oo.experiments.policy_state import ArmStats, PolicyState
from oo.experiments.thompson import Thompson
from oo.experiments.uniform import Uniform

FLOOR = 1e-6


def thompson(exposed: list[tuple[int, int]]) -> list[float]:
    state = {str(arm): ArmStats(exposures, float(rewards)) for arm, (exposures, rewards) in enumerate(exposed)}
    policy = Thompson(version="1", floor=FLOOR)
    probabilities: list[float] = policy.probabilities(Arms(tuple(state)), state).tolist()
    return probabilities


def sampled(exposed: list[tuple[int, int]], rng: np.random.Generator, samples: int) -> list[float]:
    """The usual Thompson sampling: how often each arm's sample is the largest."""
    exposures, rewards = np.array(exposed).T
    rates = rng.beta(1 + rewards, 1 + exposures - rewards, size=(samples, len(exposed)))
    frequencies: list[float] = (np.bincount(rates.argmax(axis=1), minlength=len(exposed)) / samples).tolist()
    return frequencies


def random_arms(n: int, most: int, rate: float) -> list[tuple[int, int]]:
    rng = np.random.default_rng(n)
    exposures = rng.integers(0, most, n)
    rewards = rng.binomial(exposures, rng.beta(20 * rate, 20 * (1 - rate), n))
    return list(zip(exposures.tolist(), rewards.tolist(), strict=True))


@pytest.mark.parametrize(
    "exposed",
    [
        pytest.param([(0, 0), (0, 0), (0, 0)], id="nothing known"),
        pytest.param([(10, 3), (10, 5), (10, 4)], id="little known"),
        pytest.param([(10_000, 9_000), (0, 0)], id="one certain beside one unknown"),
        pytest.param([(100_000_000, 98_000_000)] + [(0, 0)] * 49, id="one very certain beside many unknown"),
        pytest.param([(100_000, 0), (90_000, 0), (100_000, 1)], id="hardly any reward"),
        pytest.param([(500, 500), (50, 50), (5, 5)], id="nothing but rewards"),
        pytest.param(random_arms(50, 1_000, 0.2), id="fifty arms"),
        pytest.param(random_arms(51, 100_000, 0.005), id="fifty arms of rare rewards"),
    ],
)
def test_the_quadrature_agrees_with_sampling(exposed: list[tuple[int, int]]) -> None:
    samples = 100_000
    frequencies = sampled(exposed, np.random.default_rng(3), samples)
    # Half of the error that is allowed to the quadrature, and four standard errors of the sampling.
    for probability, frequency in zip(thompson(exposed), frequencies, strict=True):
        error = np.sqrt(frequency * (1 - frequency) / samples)
        assert probability == pytest.approx(frequency, abs=0.005 + 4 * error)


def test_a_thousand_arms_agree_with_sampling_too() -> None:
    exposed = random_arms(1_000, 1_000, 0.2)
    assert thompson(exposed) == pytest.approx(sampled(exposed, np.random.default_rng(4), 5_000), abs=0.05)


@given(exposures=st.integers(0, 10**6), share=st.floats(0, 1))
def test_two_arms_agree_with_the_closed_form_for_a_known_arm_and_an_unknown_one(exposures: int, share: float) -> None:
    # A rate exceeds an independent uniform one with a probability that is its own mean.
    rewards = int(exposures * share)
    known, _ = thompson([(exposures, rewards), (0, 0)])
    assert known == pytest.approx((1 + rewards) / (2 + exposures), abs=0.001)


@settings(max_examples=50)
@example([(2**52, 1.0), (0, 0.0)])
@example([(2**52, 0.0), (0, 0.0)])
@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1)), min_size=1, max_size=60))
def test_no_evidence_is_too_lopsided(arms: list[tuple[int, float]]) -> None:
    probabilities = thompson([(exposures, int(exposures * share)) for exposures, share in arms])
    assert sum(probabilities) == pytest.approx(1, abs=1e-9)
    assert min(probabilities) >= FLOOR / len(arms)


def test_more_rewards_never_lower_an_arm() -> None:
    chances = [thompson([(20, rewards), (20, 8), (3, 1)])[0] for rewards in range(21)]
    assert chances == sorted(chances)


def test_the_floor_goes_to_all_alike() -> None:
    state = {"sure": ArmStats(1_000, 900.0), "hopeless": ArmStats(1_000, 1.0)}
    probabilities = Thompson(version="1", floor=0.2).probabilities(Arms(("sure", "hopeless")), state)
    assert probabilities == pytest.approx([0.9, 0.1], abs=1e-9)


def earned(policy: PolicySpec, rng: np.random.Generator) -> float:
    """The mean reward of 1,000 decisions between five arms, each of which the policy learns from."""
    rates = {"a": 0.05, "b": 0.10, "c": 0.15, "d": 0.20, "e": 0.35}
    arms = Arms(tuple(rates))
    state: dict[str, ArmStats] = {}
    total = 0.0
    for _ in range(1_000):
        seen: PolicyState = state
        chosen = arms.tip_ids[draw(UUID(bytes=rng.bytes(16)), arms.tip_ids, policy.probabilities(arms, seen))]
        reward = float(rng.random() < rates[chosen])
        before = state.get(chosen, ArmStats(0, 0.0))
        state[chosen] = ArmStats(before.exposures + 1, before.reward_sum + reward)
        total += reward
    return total / 1_000


def test_it_learns_the_best_arm_where_uniform_does_not() -> None:
    assert earned(Uniform(version="1"), np.random.default_rng(5)) == pytest.approx(0.17, abs=0.03)
    assert earned(Thompson(version="1"), np.random.default_rng(5)) > 0.31
