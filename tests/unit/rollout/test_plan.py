import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from oo.experiments.interval import Interval
from oo.registry.history import Recorded, Stage, Transition
from oo.rollout.comparison import Rates, Times
from oo.rollout.evidence import Artefact, Condition, Evidence
from oo.rollout.plan import Advance, Hold, Move, RollBack, plan
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.shadow_report import Coverage
from tests.unit.rollout.findings import (
    ASKED,
    STEPS,
    at_stage,
    canary_for,
    evidence_for,
    now_for,
    pairs,
    shadow_for,
    times,
)
from tests.unit.rollout.trial import DIGEST, MODEL, utc

SHADOW, FIRST, LAST = at_stage("shadow"), at_stage("canary", 1), at_stage("canary", 50)


def planned(
    rollout: Rollout, evidence: Evidence | None, asked: Requirements = ASKED, now: datetime | None = None
) -> Move:
    return plan(rollout, evidence, asked, now or now_for(rollout))


def held(move: Move, words: str) -> bool:
    return isinstance(move, Hold) and any(re.search(words, reason) for reason in move.reasons)


def rolled_back(move: Move, words: str) -> bool:
    return isinstance(move, RollBack) and any(re.search(words, reason) for reason in move.reasons)


def test_with_all_evidence_every_step_leads_to_the_next_and_the_last_to_the_champions_place() -> None:
    moves = [planned(at_stage(*step), evidence_for(at_stage(*step))) for step in STEPS]
    assert [(move.stage, move.percent) for move in moves if isinstance(move, Advance)] == [
        ("shadow", 0),
        ("canary", 1),
        ("canary", 5),
        ("canary", 10),
        ("canary", 25),
        ("canary", 50),
        ("champion", 0),
    ]
    assert all(len(move.reasons) >= 1 and all(move.reasons) for move in moves)


@pytest.mark.parametrize("step", STEPS)
def test_without_evidence_every_step_holds(step: tuple[Stage, int]) -> None:
    rollout = at_stage(*step)
    assert held(planned(rollout, None), "no evidence")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": "3"}, "about version 3"),
        ({"collected_at": utc(1) - timedelta(days=9)}, "collect it again"),
        ({"artefact": None}, "could not be read"),
        ({"artefact": Artefact(digest="dd" * 32, feature_digest="cc" * 32)}, "proposed was bbbb"),
        ({"artefact": Artefact(digest="bb" * 32, feature_digest="dd" * 32)}, "other columns than when it was proposed"),
        ({"served_feature_digest": "dd" * 32}, "other columns than serving encodes"),
        ({"conditions": ()}, "No gate has judged"),
        ({"conditions": (Condition(name="card", met=False, sentence="The card is stale."),)}, "The card is stale"),
        ({"unreachable": ("The registry gave no usable answer.",)}, "gave no usable answer"),
    ],
)
def test_evidence_that_is_not_all_there_or_not_of_this_artefact_holds_every_step(
    step: tuple[Stage, int], changed: dict[str, Any], words: str
) -> None:
    rollout = at_stage(*step)
    assert held(planned(rollout, evidence_for(rollout, **changed)), words)


def test_a_shadow_or_canary_without_its_report_holds() -> None:
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=None)), "no shadow report")
    assert held(planned(LAST, evidence_for(LAST, shadow=None)), "no shadow report")
    assert held(planned(LAST, evidence_for(LAST, canary=None)), "no report of the canary at 50 %")


def test_a_report_of_other_versions_or_of_another_step_holds() -> None:
    other = shadow_for(SHADOW, candidate="3")
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=other)), "compares 3 with 1, not 2 with 1")
    early = canary_for(LAST, since=utc(2))
    assert held(planned(LAST, evidence_for(LAST, canary=early)), "before the step that it is about")
    below = canary_for(LAST, percent=25)
    assert held(planned(LAST, evidence_for(LAST, canary=below)), "no report of the canary at 50 %")


def test_decisions_by_another_file_than_the_one_that_would_be_shipped_hold() -> None:
    shadow = shadow_for(SHADOW, digests={DIGEST["2"]: 4_000, "ee" * 32: 1_000})
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=shadow)), r"another artefact \(eeeeeeeeeeee\)")
    canary = canary_for(LAST, digests={"": 10})
    assert held(planned(LAST, evidence_for(LAST, canary=canary)), r"another artefact \(none\)")


def test_figures_of_another_file_do_not_even_say_that_the_candidate_is_bad() -> None:
    worse = canary_for(LAST, digests={"ee" * 32: 10}, unsound=10)
    assert held(planned(LAST, evidence_for(LAST, canary=worse)), "another artefact")


def test_a_mirror_that_stopped_never_advances_however_well_its_pairs_look() -> None:
    for paired in (0, 1_500, 4_700, 4_760):
        stopped = shadow_for(SHADOW, pairs(5_000, paired))
        assert held(planned(SHADOW, evidence_for(SHADOW, shadow=stopped)), f"answered {paired} of 5000")


def test_coverage_is_judged_before_all_that_the_pairs_say() -> None:
    worst = pairs(5_000, 2_000, unsound=2_000, errors=Rates.of((0, 2_000), (2_000, 2_000), 0.99))
    move = planned(SHADOW, evidence_for(SHADOW, shadow=shadow_for(SHADOW, worst)))
    assert isinstance(move, Hold)
    assert len(move.reasons) == 1


def test_a_mirror_that_stopped_for_a_part_of_the_time_or_of_the_tenants_holds() -> None:
    slices = (*[Coverage(expected=500, paired=500)] * 9, Coverage(expected=500, paired=260))
    gap = shadow_for(SHADOW, pairs(100_000, 99_760), slices=slices)
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=gap)), "260 of 500 requests in part 10 of 10")
    one = shadow_for(SHADOW, segments={"tenant small": pairs(100, 20)})
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=one)), "segment 'tenant small'")


def test_no_expected_decision_is_no_coverage() -> None:
    empty = shadow_for(SHADOW, pairs(0, 0))
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=empty)), "decided nothing that the shadow might")


def test_too_few_pairs_wait_for_more() -> None:
    few = shadow_for(SHADOW, pairs(999, 999))
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=few)), "999 pairs .* of at least 1000")
    apart = shadow_for(SHADOW, pairs(compared=10))
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=apart)), "10 pairs in which both sides scored")


def test_pairs_older_than_a_week_hold() -> None:
    old = shadow_for(LAST, newest_pair=now_for(LAST) - timedelta(days=8))
    assert held(planned(LAST, evidence_for(LAST, shadow=old)), "of at most 7 days; begin again")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"unsound": 1}, "the model is broken"),
        ({"errors": Rates.of((5, 5_000), (200, 5_000), 0.99)}, "4.00% of the candidate's 5000 answers are degraded"),
        ({"p50": times(1.0, 2.0)}, "beyond the limit"),
        ({"p95": times(1.0, 3.0)}, "beyond the limit"),
        ({"rank_correlation": -0.9}, "learned the opposite"),
    ],
)
def test_a_shadow_that_is_clearly_worse_goes_back_with_words(changed: dict[str, Any], words: str) -> None:
    bad = shadow_for(SHADOW, pairs(**changed))
    assert rolled_back(planned(SHADOW, evidence_for(SHADOW, shadow=bad)), words)


def test_what_nobody_can_notice_is_not_late_however_many_times_as_long_it_is() -> None:
    def taking(quantile: str, seconds: float) -> dict[str, Any]:
        ratio = seconds / 0.0004
        measured = Times(stable_seconds=0.0004, candidate_seconds=seconds, ratio=Interval(ratio - 0.1, ratio + 0.1))
        return {quantile: measured}

    for each in ("p50", "p95"):
        quick = shadow_for(SHADOW, pairs(**taking(each, 0.0012)))
        assert isinstance(planned(SHADOW, evidence_for(SHADOW, shadow=quick)), Advance)
        asked = Requirements(latency_unnoticed=timedelta(milliseconds=0.5))
        assert rolled_back(planned(SHADOW, evidence_for(SHADOW, shadow=quick), asked), "beyond the limit")
        slow = shadow_for(SHADOW, pairs(**taking(each, 0.0018)))
        assert rolled_back(planned(SHADOW, evidence_for(SHADOW, shadow=slow)), "beyond the limit")


@pytest.mark.parametrize(
    "changed",
    [
        {"errors": Rates.of((5, 5_000), (50, 5_000), 0.99)},
        {"p95": Times(stable_seconds=1.0, candidate_seconds=1.8, ratio=Interval(1.5, 2.3))},
        {"p50": times(n=3)},
    ],
)
def test_what_is_inconclusive_holds(changed: dict[str, Any]) -> None:
    unsure = shadow_for(SHADOW, pairs(**changed))
    assert held(planned(SHADOW, evidence_for(SHADOW, shadow=unsure)), "inconclusive")


def test_a_wanted_agreement_is_asked_for() -> None:
    asked = Requirements(agreement=0.6)
    assert rolled_back(planned(SHADOW, evidence_for(SHADOW), asked), "agree on less than 60%")
    asked = Requirements(agreement=0.5)
    assert held(planned(SHADOW, evidence_for(SHADOW), asked), "inconclusive")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"unsound": 1}, "the model is broken"),
        ({"errors": Rates.of((10, 9_900), (30, 100), 0.99)}, "degraded"),
        ({"p50": times(1.0, 2.0)}, "median latency"),
        ({"p95": times(1.0, 3.0)}, "p95 latency"),
        ({"rewards": Rates.of((20_000, 100_000), (100, 1_000), 0.99)}, "it earns less"),
    ],
)
def test_a_canary_that_is_clearly_worse_goes_back_with_words_at_its_first_step(
    changed: dict[str, Any], words: str
) -> None:
    assert rolled_back(planned(FIRST, evidence_for(FIRST, canary=canary_for(FIRST, **changed))), words)


def test_the_worst_guardrail_wins() -> None:
    mixed = canary_for(FIRST, sample_ratio=1e-6, rewards=Rates.of((20_000, 100_000), (100, 1_000), 0.99))
    move = planned(FIRST, evidence_for(FIRST, canary=mixed, unreachable=("The registry is away.",)))
    assert rolled_back(move, "it earns less")
    assert len(move.reasons) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sample_ratio": 0.0009}, "are no split at 1 %"),
        ({"sample_ratio": None}, "Nothing was decided"),
        ({"errors": Rates.of((10, 9_900), (0, 199), 0.99)}, "199 canary decisions of at least 200"),
        ({"rewards": Rates.of((20, 100), (50, 199), 0.99)}, "199 canary exposures"),
        ({"rewards": Rates.of((0, 9_900), (5, 1_000), 0.99)}, "nothing to compare with"),
    ],
)
def test_a_canary_of_which_too_little_is_known_holds(changed: dict[str, Any], words: str) -> None:
    assert held(planned(FIRST, evidence_for(FIRST, canary=canary_for(FIRST, **changed))), words)


def test_the_same_figures_carry_a_small_step_and_not_a_large_one() -> None:
    figures: dict[str, Any] = {
        "rewards": Rates.of((2_000, 10_000), (80, 400), 0.99),
        "errors": Rates.of((10, 10_000), (0, 400), 0.99),
    }
    assert isinstance(planned(FIRST, evidence_for(FIRST, canary=canary_for(FIRST, **figures))), Advance)
    move = planned(LAST, evidence_for(LAST, canary=canary_for(LAST, **figures)))
    assert held(move, "might cost more than 10% of all rewards")
    assert held(move, "might be beyond the limit at 100% of the traffic")


def test_a_step_takes_its_time() -> None:
    for rollout, least in ((SHADOW, ASKED.shadow_hold), (FIRST, ASKED.canary_hold)):
        assert rollout.since is not None
        now = rollout.since + least - timedelta(minutes=1)
        evidence = evidence_for(rollout, collected_at=now)
        assert held(planned(rollout, evidence, now=now), "of at least")


@pytest.mark.parametrize("known", [True, False])
def test_a_canary_that_is_held_for_too_long_goes_back_whatever_is_known(known: bool) -> None:  # noqa: FBT001  # two cases
    assert LAST.since is not None
    now = LAST.since + ASKED.longest_canary_hold + timedelta(minutes=1)
    evidence = evidence_for(LAST, collected_at=now) if known else None
    assert rolled_back(planned(LAST, evidence, now=now), "canary at 50 % for 3 days")


def test_a_shadow_may_wait_for_as_long_as_it_takes() -> None:
    assert SHADOW.since is not None
    assert isinstance(planned(SHADOW, None, now=SHADOW.since + timedelta(days=90)), Hold)


def test_somebodys_hold_holds_and_saves_nobody_from_going_back() -> None:
    told = Transition(
        subject=MODEL, version="2", stage="canary", percent=1, champion="1", at=utc(5), who="ada", why="Holidays."
    )
    stopped = FIRST.after(Recorded(sequence=99, transition=told))
    assert held(planned(stopped, evidence_for(stopped)), "ada holds it: Holidays.")
    bad = canary_for(FIRST, unsound=3)
    assert rolled_back(planned(stopped, evidence_for(stopped, canary=bad)), "broken")


def test_nothing_in_flight_and_nothing_to_compare_with_hold() -> None:
    assert held(planned(Rollout(MODEL), None, now=utc(1)), "propose one")
    alone = replace(at_stage("challenger"), champions=())
    assert held(planned(alone, evidence_for(alone)), "No champion serves")


def test_a_rehearsal_shortens_times_and_counts_and_nothing_else() -> None:
    asked = Requirements(shadow_hold=timedelta(0), pairs=300)
    assert SHADOW.since is not None
    now = SHADOW.since + timedelta(minutes=1)
    few = shadow_for(SHADOW, pairs(400, 400), until=now, newest_pair=now)
    assert isinstance(plan(SHADOW, evidence_for(SHADOW, shadow=few, collected_at=now), asked, now), Hold)
    looser = asked.model_copy(update={"error_margin": 0.05})
    assert isinstance(plan(SHADOW, evidence_for(SHADOW, shadow=few, collected_at=now), looser, now), Advance)
