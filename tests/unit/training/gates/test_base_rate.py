from dataclasses import replace

import numpy as np

from oo.training.gates.base_rate import BetterThanBaseRate
from oo.training.gates.gate import Evidence
from oo.training.gates.log_loss import BetterThanChampion
from tests.unit.training.gates.court import Court, entrant, logistic, refusals, scored


def test_a_challenger_that_knows_only_how_often_people_react_is_refused_however_poor_the_champion_is(
    court: Court,
) -> None:
    rows, rewards = court.fitted
    backwards = replace(court, champion=entrant(logistic(rows, 1 - rewards)))
    knows_nothing = entrant(logistic(np.zeros_like(rows), rewards))
    (refused,) = refusals(backwards.evidence(knows_nothing))
    assert refused.name == "base rate"
    assert "that of a constant 0.49" in refused.sentence
    assert refused.sentence.endswith("that is inconclusive.")


def test_noise_around_the_base_rate_is_no_better_than_it(evidence: Evidence) -> None:
    rng, n = np.random.default_rng(4), len(evidence.rewards)
    nothing = scored(evidence, evidence.fitted_rewards.mean() + rng.normal(0, 0.01, n))
    poor = replace(nothing, champion=replace(evidence.champion, scores=np.full(n, 0.02)))
    assert BetterThanChampion().judge(poor).passed
    assert not BetterThanBaseRate().judge(poor).passed
