from datetime import UTC, timedelta, timezone

import pytest
from sqlalchemy import Engine

from oo.events.decision import ModelUsed
from oo.events.feedback import ReactionKind
from oo.rewards.join import apply
from oo.rewards.queries import GROUPINGS, Counts, Grouping, RewardRate, counts, exposures, reward_rates, rows
from tests.unit.rewards.feedback_events import at, exposed, generated, reacted, scored, window_of

CLICKED, DISMISSED = ReactionKind.CLICKED, ReactionKind.DISMISSED


@pytest.fixture
def told(engine: Engine) -> Engine:
    """Clicked, dismissed, late, silent, never exposed, degraded, written, and one without a decision."""
    apply(
        engine,
        [
            *(scored("clicked"), exposed("clicked"), reacted(CLICKED, "clicked")),
            *(scored("dismissed"), exposed("dismissed"), reacted(DISMISSED, "dismissed")),
            *(scored("late"), exposed("late", minutes=0), reacted(CLICKED, "late", minutes=61)),
            *(scored("silent", tenant="t2"), exposed("silent", tenant="t2", minutes=30)),
            scored("unseen", tenant="t2"),
            *(
                scored("degraded", degraded=("no_model",), model=None),
                exposed("degraded"),
                reacted(CLICKED, "degraded"),
            ),
            *(generated("written"), exposed("written", "generated-1"), reacted(CLICKED, "written", "generated-1")),
            exposed("unknown"),
            reacted(CLICKED, "clicked", "another tip"),
        ],
        window_of,
    )
    return engine


def reward_of(engine: Engine, decision_id: str, minutes: float) -> object:
    [row] = rows(engine, decision_id, at(minutes))
    return row["reward"]


@pytest.mark.parametrize(
    ("decision_id", "in_the_window", "after_it"),
    [
        ("clicked", 1.0, 1.0),
        ("dismissed", 0.0, 0.0),
        ("late", None, 0.0),
        ("silent", None, 0.0),
        ("unseen", None, None),
        ("degraded", 1.0, 1.0),
    ],
)
def test_a_reward_stands_or_waits_for_its_window(
    told: Engine, decision_id: str, in_the_window: float | None, after_it: float | None
) -> None:
    assert reward_of(told, decision_id, 59) == in_the_window
    assert reward_of(told, decision_id, 90) == after_it


def test_a_reaction_without_an_exposure_earns_nothing(engine: Engine) -> None:
    apply(engine, [scored(), reacted(CLICKED)], window_of)

    assert reward_of(engine, "d1", 100) is None
    assert counts(engine, at(100)).reacted == 0


def test_the_time_that_is_asked_for_may_be_in_any_zone(told: Engine) -> None:
    for minutes, expected in ((59, None), (60, 0.0)):
        [row] = rows(told, "late", at(minutes).astimezone(timezone(timedelta(hours=-9))))
        assert row["reward"] == expected
        assert row["exposed_at"].tzinfo is UTC


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("tenant", [RewardRate(("t1",), 4, 2.0), RewardRate(("t2",), 1, 0.0)]),
        ("policy", [RewardRate(("epsilon_greedy", "1"), 4, 1.0)]),
        ("model", [RewardRate(("a-language-model",), 1, 1.0), RewardRate(("tips", "3"), 4, 1.0)]),
        ("prompt_version", [RewardRate(("v1",), 1, 1.0)]),
        ("variant", [RewardRate(("first", "greedy"), 4, 1.0), RewardRate(("prompts", "short"), 1, 1.0)]),
    ],
)
def test_rates_count_the_exposures_whose_window_is_over(told: Engine, by: Grouping, expected: list[RewardRate]) -> None:
    assert reward_rates(told, by, at(90)) == expected


def test_an_open_window_is_in_no_rate(told: Engine) -> None:
    assert reward_rates(told, "tenant", at(60)) == [RewardRate(("t1",), 1, 0.0)]


def test_every_grouping_can_be_asked_of_an_empty_table(engine: Engine) -> None:
    assert [reward_rates(engine, by, at(0)) for by in GROUPINGS] == [[]] * len(GROUPINGS)


def test_versions_of_a_model_are_told_apart(engine: Engine) -> None:
    for number in ("1", "2"):
        apply(engine, [scored(number, model=ModelUsed(name="tips", version=number)), exposed(number)], window_of)

    assert [rate.group for rate in reward_rates(engine, "model", at(90))] == [("tips", "1"), ("tips", "2")]


def test_one_tenant_is_asked_for_alone(told: Engine) -> None:
    assert [rate.group for rate in reward_rates(told, "tenant", at(90), tenant_id="t2")] == [("t2",)]
    assert rows(told, "silent", at(90), tenant_id="t1") == []
    assert counts(told, at(60), tenant_id="t2") == Counts(
        decisions=2, exposed=1, never_exposed=1, reacted=0, late=0, open=1, degraded=0, unjoined=0
    )


def test_an_exposure_tells_its_reward_when_its_window_is_over(told: Engine) -> None:
    known = {(e.tenant_id, e.decision_id): e.reward for e in exposures(told, ["t1"], at(60))}

    assert known == {
        ("t1", "clicked"): None,
        ("t1", "dismissed"): None,
        ("t1", "late"): 0.0,
        ("t1", "degraded"): None,
        ("t1", "written"): None,
    }
    everything = {e.decision_id: e.reward for e in exposures(told, ["t1", "t2"], at(90))}
    assert everything["clicked"] == everything["written"] == 1.0
    assert everything["dismissed"] == everything["silent"] == 0.0
    assert "unseen" not in everything


def test_an_exposure_after_the_asked_time_is_not_told(told: Engine) -> None:
    assert [e.decision_id for e in exposures(told, ["t1", "t2"], at(0.5))] == ["late"]


def test_counts_tell_how_far_decisions_have_come(told: Engine) -> None:
    assert counts(told, at(60)) == Counts(
        decisions=7, exposed=6, never_exposed=1, reacted=5, late=1, open=5, degraded=1, unjoined=2
    )
    assert counts(told, at(90)).open == 0
