"""What holds for every policy: a new one joins by a line in POLICIES."""

from collections import Counter
from uuid import UUID

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.experiments.draw import draw
from oo.experiments.epsilon_greedy import EpsilonGreedy
from oo.experiments.policies import PolicySpec
from oo.experiments.policy import Arms
from oo.experiments.policy_state import ArmStats, PolicyState
from oo.experiments.thompson import Thompson
from oo.experiments.uniform import Uniform

POLICIES: list[PolicySpec] = [
    Uniform(version="1"),
    EpsilonGreedy(version="1", epsilon=0.2),
    EpsilonGreedy(version="greedy", epsilon=0),
    Thompson(version="1"),
    Thompson(version="bold", floor=0.3),
]
SIZES = [1, 2, 3, 7, 50, 1000]

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name}@{policy.version}")


def scene(n: int, seed: int = 7) -> tuple[Arms, PolicyState]:
    """Arms with scores of one decimal, so that some tie, and a state in which some were never shown."""
    rng = np.random.default_rng(seed)
    tip_ids = tuple(f"tip-{number}" for number in rng.permutation(n))
    exposures = rng.integers(0, 200, n)
    rewards = rng.binomial(exposures, rng.beta(2, 8, n))
    shown = rng.random(n) < 0.8
    state = {
        tip_id: ArmStats(int(seen), float(earned))
        for tip_id, seen, earned, known in zip(tip_ids, exposures, rewards, shown, strict=True)
        if known
    }
    return Arms(tip_ids, rng.random(n).round(1)), state


@every_policy
@pytest.mark.parametrize("n", SIZES)
def test_probabilities_are_probabilities(policy: PolicySpec, n: int) -> None:
    probabilities = policy.probabilities(*scene(n))
    assert probabilities.shape == (n,)
    assert probabilities.dtype == np.float64
    assert probabilities.sum() == pytest.approx(1, abs=1e-9)
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()


@every_policy
def test_a_single_arm_is_certain(policy: PolicySpec) -> None:
    assert policy.probabilities(*scene(1)).tolist() == [1.0]


@every_policy
@pytest.mark.parametrize("n", SIZES)
def test_each_arm_keeps_its_probability_to_the_bit_in_any_order(policy: PolicySpec, n: int) -> None:
    arms, state = scene(n)
    assert arms.scores is not None
    order = np.random.default_rng(1).permutation(n)
    shuffled = Arms(tuple(arms.tip_ids[position] for position in order), arms.scores[order])
    assert policy.probabilities(shuffled, state).tolist() == policy.probabilities(arms, state)[order].tolist()


@every_policy
@pytest.mark.parametrize("n", SIZES)
def test_asked_twice_it_answers_the_same_to_the_bit(policy: PolicySpec, n: int) -> None:
    assert policy.probabilities(*scene(n)).tolist() == policy.probabilities(*scene(n)).tolist()


@every_policy
@pytest.mark.parametrize("n", SIZES)
def test_arms_that_nothing_tells_apart_are_alike(policy: PolicySpec, n: int) -> None:
    arms = Arms(tuple(map(str, range(n))), np.full(n, 0.5))
    assert policy.probabilities(arms, {}) == pytest.approx(np.full(n, 1 / n), rel=1e-12)


@every_policy
def test_arms_that_tie_are_alike(policy: PolicySpec) -> None:
    arms = Arms(("a", "b", "c", "d"), np.array([0.3, 0.1, 0.3, 0.2]))
    state = {"a": ArmStats(40, 12.0), "b": ArmStats(40, 4.0), "c": ArmStats(40, 12.0), "d": ArmStats(9, 1.0)}
    a, _, c, _ = policy.probabilities(arms, state).tolist()
    assert a == c


@every_policy
def test_what_it_does_not_need_it_does_not_read(policy: PolicySpec) -> None:
    arms, state = scene(7)
    bare = Arms(arms.tip_ids, arms.scores if policy.needs_scores else None)
    needed = state if policy.needs_state else {}
    assert policy.probabilities(bare, needed).tolist() == policy.probabilities(arms, state).tolist()


@every_policy
def test_the_state_of_other_arms_changes_nothing(policy: PolicySpec) -> None:
    arms, state = scene(7)
    more = {**state, "an arm of another request": ArmStats(1_000, 999.0)}
    assert policy.probabilities(arms, more).tolist() == policy.probabilities(arms, state).tolist()


@every_policy
def test_ten_thousand_choices_have_the_frequencies_that_were_logged(policy: PolicySpec) -> None:
    rng = np.random.default_rng(11)
    arms, state = scene(12)
    logged = dict(zip(arms.tip_ids, policy.probabilities(arms, state).tolist(), strict=True))
    chosen: Counter[str] = Counter()
    for _ in range(10_000):
        tip_ids = tuple(str(tip_id) for tip_id in rng.permutation(arms.tip_ids))
        probabilities = np.array([logged[tip_id] for tip_id in tip_ids])
        chosen[tip_ids[draw(UUID(bytes=rng.bytes(16), version=4), tip_ids, probabilities)]] += 1

    possible = [tip_id for tip_id, probability in logged.items() if probability > 0]
    assert chosen.keys() <= set(possible)
    # One bin for all arms that are too rare for a chi-square of their own.
    rare = {tip_id for tip_id in possible if logged[tip_id] * 10_000 < 10}
    bins = [[tip_id] for tip_id in possible if tip_id not in rare] + [sorted(rare)] * bool(rare)
    observed = [sum(chosen[tip_id] for tip_id in group) for group in bins]
    expected = [10_000 * sum(logged[tip_id] for tip_id in group) for group in bins]
    if len(bins) == 1:
        assert observed == [10_000]
    else:
        assert stats.chisquare(observed, expected, sum_check=False).pvalue > 0.001


@every_policy
def test_a_replay_has_the_same_arm_and_propensity_to_the_bit(policy: PolicySpec) -> None:
    rng = np.random.default_rng(12)
    for seed in range(100):
        arms, state = scene(20, seed)
        assert arms.scores is not None
        decision_id = UUID(bytes=rng.bytes(16), version=4)
        probabilities = policy.probabilities(arms, state)
        first = draw(decision_id, arms.tip_ids, probabilities)

        order = rng.permutation(20)
        again = Arms(tuple(arms.tip_ids[position] for position in order), arms.scores[order])
        replayed = policy.probabilities(again, state)
        second = draw(decision_id, again.tip_ids, replayed)

        assert again.tip_ids[second] == arms.tip_ids[first]
        assert replayed[second] == probabilities[first]
