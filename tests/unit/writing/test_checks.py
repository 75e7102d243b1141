from collections.abc import Sequence

import pytest

from oo.llm.guardrails.faults import FAULTS, Fault
from oo.writing.checks import CHECKS, Compared, Share, compare
from oo.writing.evaluation import Outcome, Report
from oo.writing.order import Facts
from oo.writing.tip import NOTHING_USED, Tip, Usage, Written
from oo.writing.trials import Trial

TIP = Tip("Early night", "Read a page.", "en", "rest")
USED = Usage(100, 40, 0.0)
GOOD = Written((TIP,), "tiny", USED)
WRONG_TOPIC = Written((TIP,), "tiny", USED, refusals=("topic",), repaired=True)
REFUSED = Written((TIP,), None, USED, refusals=("not_a_tip",), degraded=("guardrail:not_a_tip",))
SILENT = Written((TIP,), None, NOTHING_USED, degraded=("timeout",))


def report(written: Sequence[Written]) -> Report:
    outcomes = tuple(
        Outcome(Trial(f"trial {i}", "ordinary", Facts(), "en"), each, 0.1) for i, each in enumerate(written)
    )
    return Report("v9", outcomes, len(outcomes))


def shares(*written: Written) -> dict[str, Share]:
    return {check.name: check.share(report(written)) for check in CHECKS}


def compared(now: Sequence[Written], before: Sequence[Written], check: str) -> Compared:
    return next(one for one in compare(report(now), report(before)) if one.check == check)


def test_a_good_tip_passes_every_check() -> None:
    assert set(shares(GOOD).values()) == {Share(1, 1)}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_fails_one_check_and_the_one_of_the_repair(fault: Fault) -> None:
    failed = {
        name for name, share in shares(Written((TIP,), "m", USED, (fault,), repaired=True)).items() if not share[0]
    }

    assert len(failed) == 2
    assert "no repair" in failed


def test_a_tip_of_the_template_is_told_from_one_of_the_model() -> None:
    assert shares(GOOD, REFUSED, SILENT)["no template"] == Share(1, 3)


def test_a_model_that_was_silent_says_nothing_of_its_answers() -> None:
    found = shares(GOOD, SILENT)

    assert (found["answered"], found["topic"], found["no repair"]) == (Share(1, 2), Share(1, 1), Share(1, 1))


def test_of_few_trials_a_perfect_check_must_stay_perfect() -> None:
    one = compared([GOOD, WRONG_TOPIC], [GOOD, GOOD], "topic")

    assert (one.now, one.before, one.regressed) == (Share(1, 2), Share(2, 2), True)


def test_of_few_trials_a_check_that_was_not_perfect_may_slip() -> None:
    one = compared([WRONG_TOPIC, WRONG_TOPIC, GOOD], [GOOD, WRONG_TOPIC, GOOD], "topic")

    assert (one.now, one.before, one.regressed) == (Share(1, 3), Share(2, 3), False)


@pytest.mark.parametrize(("worse", "regressed"), [(0, False), (6, False), (7, True)])
def test_of_many_trials_a_fall_beyond_chance_is_a_regression(worse: int, *, regressed: bool) -> None:
    now = [WRONG_TOPIC] * worse + [GOOD] * (100 - worse)

    assert compared(now, [GOOD] * 100, "topic").regressed is regressed


def test_what_got_better_elsewhere_weighs_against_what_got_worse() -> None:
    now = [WRONG_TOPIC] * 8 + [GOOD] * 92
    before = [GOOD] * 8 + [WRONG_TOPIC] * 6 + [GOOD] * 86

    one = compared(now, before, "topic")

    assert (one.now, one.before, one.regressed) == (Share(92, 100), Share(94, 100), False)
    assert one.p_value == pytest.approx(0.395, abs=0.001)


def test_what_is_hard_for_both_versions_hides_nothing() -> None:
    hard = [WRONG_TOPIC] * 150

    one = compared([*hard, *[WRONG_TOPIC] * 8, *[GOOD] * 150], [*hard, *[GOOD] * 158], "topic")

    assert one.regressed
    assert one.p_value == pytest.approx(1 / 256)


def test_an_improvement_is_no_regression() -> None:
    assert not compared([GOOD] * 50, [WRONG_TOPIC] * 50, "topic").regressed


def test_only_trials_that_both_versions_had_are_compared() -> None:
    assert compared([GOOD, GOOD, WRONG_TOPIC], [GOOD, GOOD], "topic").now == Share(2, 2)


def test_nothing_in_common_compares_to_nothing() -> None:
    one = compared([GOOD], [], "topic")

    assert (one.now, one.before, one.now.value, one.regressed) == (Share(0, 0), Share(0, 0), None, False)
