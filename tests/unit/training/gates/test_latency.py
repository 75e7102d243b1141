from dataclasses import replace

import numpy as np
from sklearn.neighbors import KNeighborsClassifier  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.training.gates.gate import Evidence, Scores
from oo.training.gates.latency import Latency
from tests.unit.training.gates.court import Court, entrant, refusals


def test_a_model_that_compares_with_all_it_has_seen_is_refused_however_good_it_is(court: Court) -> None:
    neighbours = KNeighborsClassifier(40).fit(*court.fitted)
    (refused,) = refusals(court.evidence(entrant(neighbours)))
    assert refused.name == "latency"
    assert "more than the 4 times that are allowed" in refused.sentence


def test_a_ratio_around_the_allowance_is_inconclusive(evidence: Evidence) -> None:
    rng = np.random.default_rng(1)
    seconds = rng.lognormal(-8, 0.5, (2, 100))
    result = Latency(at_most=4).judge(_timed(evidence, 4 * seconds[0], seconds[1]))
    assert not result.passed
    assert result.sentence.endswith("that is inconclusive.")


def test_a_few_slow_requests_of_a_busy_machine_decide_nothing(evidence: Evidence) -> None:
    seconds = np.full(100, 1e-4)
    hiccups = seconds.copy()
    hiccups[::10] = 1.0
    assert Latency().judge(_timed(evidence, hiccups, seconds)).passed


def test_what_was_not_timed_is_a_no(evidence: Evidence) -> None:
    assert not Latency().judge(_timed(evidence, np.empty(0), np.empty(0))).passed


def _timed(evidence: Evidence, own: Scores, other: Scores) -> Evidence:
    return replace(
        evidence,
        challenger=replace(evidence.challenger, seconds=own),
        champion=replace(evidence.champion, seconds=other),
    )
