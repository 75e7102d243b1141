from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from oo.events.decision import ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind
from oo.rollout.canary_report import CanaryReport, canary_report
from oo.rollout.records import of_model
from tests.training_data import START, WINDOW, World, exposure, reaction
from tests.unit.rollout.trial import CANDIDATE, CHAMPION, DIGEST, HOUR, SERVICES, at, decided

CANARY = ServingRole.CANARY
LATER = START + WINDOW + timedelta(hours=2)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


def shown(decision: Envelope, *, clicked: bool) -> list[Envelope]:
    kind = ReactionKind.CLICKED if clicked else ReactionKind.DISMISSED
    return [exposure(decision), reaction(decision, kind)]


def report_of(
    world: World,
    decisions: Sequence[Envelope],
    clicked: Sequence[bool] = (),
    *,
    percent: int = 25,
    now: datetime = LATER,
) -> CanaryReport:
    world.tell("DECISIONS", decisions)
    told = zip(decisions, clicked, strict=False)
    world.tell("FEEDBACK", [event for decision, won in told for event in shown(decision, clicked=won)])
    return canary_report(
        world.store,
        world.engine,
        of_model("digits", SERVICES),
        champion=CHAMPION,
        candidate=CANDIDATE,
        percent=percent,
        within=HOUR,
        now=now,
        confidence=0.99,
    )


def split(stable: int, canary: int) -> list[Envelope]:
    return [decided(n) for n in range(stable)] + [decided(stable + n, CANARY) for n in range(canary)]


def test_each_side_is_counted_by_the_role_that_it_answered_in(world: World) -> None:
    report = report_of(world, split(75, 25))
    assert report.decisions == {"stable": 75, "canary": 25}
    assert (report.sample_ratio, report.digests, report.unsound) == (1.0, {DIGEST["2"]: 25}, 0)


def test_a_canary_that_loses_its_decisions_is_an_alarm(world: World) -> None:
    report = report_of(world, split(150, 10))
    assert report.sample_ratio is not None
    assert report.sample_ratio < 0.001


def test_planted_errors_and_latency_of_the_canary_are_found(world: World) -> None:
    slow = [decided(1_000 + n, CANARY, milliseconds=4.0, degraded=["online_store"]) for n in range(50)]
    report = report_of(world, [*split(100, 0), *slow])
    assert (report.errors.candidate, report.errors.candidate_of, report.errors.stable) == (50, 50, 0)
    assert report.errors.difference.low > 0.7
    assert 3.9 < report.p50.ratio.low < 4.1


def test_what_each_side_earned_is_told_of_its_own_exposures(world: World) -> None:
    clicked = [n % 4 == 0 for n in range(60)] + [n % 2 == 0 for n in range(20)]
    rewards = report_of(world, split(60, 20), clicked).rewards
    assert (rewards.stable, rewards.stable_of, rewards.candidate, rewards.candidate_of) == (15, 60, 10, 20)


def test_open_windows_degraded_answers_and_other_versions_earn_nothing(world: World) -> None:
    told = [
        decided(1, when=at(3_000)),
        decided(2, CANARY, degraded=["online_store"]),
        decided(3, CANARY, version="1"),
        decided(4, CANARY),
        decided(5, version="2"),
    ]
    report = report_of(world, told, [True] * 5, now=at(3_000) + WINDOW)
    assert (report.rewards.stable_of, report.rewards.candidate, report.rewards.candidate_of) == (0, 1, 1)
    assert report.others == {"stable": 1, "canary": 1}


def test_a_shadows_decisions_are_nobodys(world: World) -> None:
    told = [decided(1), decided(2, ServingRole.SHADOW)]
    assert report_of(world, told).decisions == {"stable": 1, "canary": 0}


def test_a_decision_before_the_step_is_not_the_steps(world: World) -> None:
    told = [decided(1, when=at(-1)), decided(2, CANARY, when=at(0))]
    report = report_of(world, told, [True, True])
    assert (report.decisions["stable"], report.rewards.stable_of, report.rewards.candidate_of) == (0, 0, 1)


def test_without_any_decision_there_is_no_ratio(world: World) -> None:
    report = report_of(world, [decided(1, when=at(-1))])
    assert (report.sample_ratio, report.errors.difference) == (None, (-1.0, 1.0))
