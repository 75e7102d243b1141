import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.events.decision import ServingRole
from oo.events.envelope import Envelope
from oo.rollout.records import of_model
from oo.rollout.shadow_report import ShadowReport, shadow_report, spearman
from tests.training_data import World
from tests.unit.rollout.trial import (
    CANDIDATE,
    CHAMPION,
    DIGEST,
    HOUR,
    SERVICES,
    SHADOW_HOUR,
    at,
    decided,
    mirrored,
)

SHADOW = ServingRole.SHADOW


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


def report_of(world: World, told: list[Envelope], first: int = 1) -> ShadowReport:
    world.tell("DECISIONS", told, first)
    return shadow_report(
        world.store,
        of_model("digits", SERVICES),
        champion=CHAMPION,
        candidate=CANDIDATE,
        stable=HOUR,
        shadow=SHADOW_HOUR,
        confidence=0.99,
    )


def test_a_shadow_that_is_the_same_model_differs_in_nothing(world: World) -> None:
    report = report_of(world, mirrored(range(100)))
    pairs = report.all
    assert (pairs.coverage.expected, pairs.coverage.paired, pairs.compared, pairs.agreed) == (100, 100, 100, 100)
    assert pairs.rank_correlation == pytest.approx(1.0)
    assert pairs.scores is not None
    assert pairs.scores.distance == 0
    assert pairs.p50.ratio == (1.0, 1.0)
    assert (pairs.unsound, report.others, report.digests) == (0, 0, {DIGEST["2"]: 100})
    assert report.newest_pair == at(99)


def test_a_mirror_that_stopped_is_seen_in_the_whole_and_in_its_part_of_the_time(world: World) -> None:
    told = mirrored(range(0, 1_800, 30)) + [decided(n) for n in range(1_800, 3_600, 30)]
    report = report_of(world, told)
    assert (report.all.coverage.expected, report.all.coverage.paired) == (120, 60)
    assert [part.paired for part in report.slices] == [12] * 5 + [0] * 5
    assert [part.expected for part in report.slices] == [12] * 10
    assert report.all.agreed == 60


def test_a_planted_disagreement_is_found(world: World) -> None:
    turned = {"0": 0.7, "1": 0.2, "2": 0.1}
    told = mirrored(range(60)) + mirrored(range(60, 100), scores=turned)
    pairs = report_of(world, told).all
    assert (pairs.compared, pairs.agreed) == (100, 60)
    assert pairs.agreement.low < 0.6 < pairs.agreement.high
    assert pairs.rank_correlation == pytest.approx(0.6 - 0.4)


def test_planted_latency_and_errors_are_found(world: World) -> None:
    told = mirrored(range(200), milliseconds=3.0) + mirrored(range(200, 260), degraded=["model"], milliseconds=3.0)
    pairs = report_of(world, told).all
    assert 2.9 < pairs.p50.ratio.low <= pairs.p95.ratio.high < 3.1
    assert (pairs.errors.stable, pairs.errors.candidate, pairs.errors.candidate_of) == (0, 60, 260)
    assert pairs.errors.difference.low > 0.15


def test_a_planted_drift_of_the_scores_is_found(world: World) -> None:
    rng = np.random.default_rng(0)
    stable, shadow = rng.beta(2, 8, (150, 3)), rng.beta(4, 6, (150, 3))
    told = []
    for number, (one, other) in enumerate(zip(stable, shadow, strict=True)):
        scores, drifted = ({str(arm): float(score) for arm, score in enumerate(row)} for row in (one, other))
        told += [decided(number, scores=scores), decided(number, SHADOW, scores=drifted)]
    pairs = report_of(world, told).all
    assert pairs.scores is not None
    assert pairs.scores.stable_mean == pytest.approx(stable.mean())
    assert pairs.scores.candidate_mean == pytest.approx(shadow.mean())
    exact = stats.ks_2samp(stable.ravel(), shadow.ravel()).statistic
    assert pairs.scores.distance == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("broken", [None, 1.5, -0.1])
def test_a_score_that_is_no_probability_is_counted(world: World, broken: float | None) -> None:
    told = mirrored(range(5)) + mirrored([5], scores={"0": broken, "1": 0.2})
    pairs = report_of(world, told).all
    assert (pairs.unsound, pairs.compared) == (1, 5)


def test_other_versions_are_left_out_and_counted(world: World) -> None:
    told = [
        *mirrored(range(3)),
        decided(10, version="2"),
        decided(11),
        decided(11, SHADOW, version="1"),
    ]
    report = report_of(world, told)
    assert (report.all.coverage.expected, report.all.coverage.paired, report.others) == (4, 3, 2)


def test_a_stable_answer_without_a_model_is_expected_of_the_shadow_too(world: World) -> None:
    report = report_of(world, [decided(1, degraded=["model"]), decided(1, SHADOW)])
    assert (report.all.coverage.paired, report.all.errors.stable, report.all.compared) == (1, 1, 0)
    assert report.segments["stable degraded"].coverage.paired == 1


def test_of_repeats_each_decision_counts_once_and_the_first_stands(world: World) -> None:
    again = decided(1, when=at(60), scores={"0": 0.9, "1": 0.1}).model_copy(update={"event_id": "again"})
    told = [again, *mirrored([1, 2]), *mirrored([1, 2]), again]
    report = report_of(world, told)
    assert (report.all.coverage.expected, report.all.coverage.paired, report.all.agreed) == (2, 2, 2)


def test_what_is_outside_of_the_time_or_of_another_service_is_not_read(world: World) -> None:
    other = decided(3)
    assert other.score_decided is not None
    elsewhere = other.model_copy(
        update={"score_decided": other.score_decided.model_copy(update={"feature_service": "tips@1"})}
    )
    told = [decided(1, when=at(-1)), decided(1, SHADOW, when=at(0)), decided(2, when=at(3_600)), elsewhere]
    assert report_of(world, told).all.coverage.expected == 0


def test_a_shadow_that_answers_a_little_later_is_still_paired(world: World) -> None:
    told = [decided(1, when=at(3_599)), decided(1, SHADOW, when=at(3_605))]
    assert report_of(world, told).all.coverage.paired == 1


def test_tenants_are_segments_and_their_ids_are_their_own(world: World) -> None:
    told = [
        *mirrored(range(4)),
        decided(1, tenant="bandit"),
        decided(2, tenant="bandit"),
        decided(2, SHADOW, tenant="bandit"),
    ]
    report = report_of(world, told)
    assert report.segments["tenant digits"].coverage.paired == 4
    assert report.segments["tenant bandit"].coverage.expected == 2
    assert report.segments["tenant bandit"].coverage.paired == 1


def test_a_sample_of_the_pairs_is_named_evenly(world: World) -> None:
    sample = report_of(world, mirrored(range(200))).sample
    assert 20 <= len(sample) <= 40
    assert sample[0] == "digits/00000000-0000-0000-0000-000000000000"
    assert len(report_of(world, [], 1_000).sample) == len(sample)


def test_two_readings_are_equal_bytes(world: World) -> None:
    first = report_of(world, mirrored(range(50)))
    assert report_of(world, [], 1_000).model_dump_json() == first.model_dump_json()


def test_memory_does_not_grow_with_the_pairs(tmp_path: Path) -> None:
    peaks = []
    for n in (100, 800):
        world = World.in_folder(tmp_path / str(n))
        told = mirrored(range(n))
        world.tell("DECISIONS", told)
        report_of(world, [])
        tracemalloc.start()
        report = report_of(world, [])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        world.engine.dispose()
        assert report.all.coverage.paired == n
    print(f"peak of 100 pairs {peaks[0] / 1e3:.0f} kB, of 800 {peaks[1] / 1e3:.0f} kB")
    assert peaks[1] < 1.5 * peaks[0]


def test_the_rank_correlation_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        scores = rng.integers(0, 4, (2, 6)) / 4
        ours = spearman(scores)
        if ours is None:
            assert 1 in {len(set(row)) for row in scores.tolist()}
        else:
            assert ours == pytest.approx(stats.spearmanr(*scores).statistic)


def test_times_without_pairs_have_no_newest_one(world: World) -> None:
    report = report_of(world, [decided(1)])
    assert (report.newest_pair, report.all.rank_correlation, report.all.scores) == (None, None, None)
    assert report.until - report.since == timedelta(hours=1)
