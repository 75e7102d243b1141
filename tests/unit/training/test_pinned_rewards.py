from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from oo.events.feedback import ReactionKind
from oo.training.assembly import Sources, build
from oo.training.dataset import Manifest
from oo.wiring.steps import LATEST
from oo.wiring.steps.assemble import assemble
from tests.training_data import CATALOG, SERVICE, START, World, digit_decisions, exposure, reaction

AS_OF = START + timedelta(days=1)
KINDS = (ReactionKind.CLICKED, ReactionKind.COMPLETED, ReactionKind.SAVED, ReactionKind.DISMISSED)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


def assembled(world: World, version: int, shards: int = 1) -> Manifest:
    return assemble(
        world.settings(),
        "digits@1",
        as_of=AS_OF.isoformat(),
        table_version=version,
        dataset=world.folder / "dataset",
        shards=shards,
    )


def test_a_snapshot_gives_the_same_rows_after_more_events_and_after_compaction(world: World) -> None:
    decisions, feedback = digit_decisions(60, seed=1)
    world.tell("DECISIONS", decisions[:40])
    world.tell("FEEDBACK", feedback[:60])  # of the first 30
    snapshot = world.store.take_snapshot("first", datetime.now(UTC))
    before = assembled(world, snapshot.version)

    world.tell("DECISIONS", decisions[40:], first=41)
    # Late arrivals from before the moment: exposures of decisions without, and a click where there was none.
    world.tell("FEEDBACK", [exposure(decision) for decision in decisions[30:]], first=61)
    world.tell("FEEDBACK", [reaction(decision, ReactionKind.CLICKED) for decision in decisions[:40]], first=101)
    world.store.compact(
        older_than=timedelta(0), clock=lambda: datetime.now(UTC), dry_run=False, progress=lambda _done, _of: None
    )

    after = assembled(world, world.store.snapshot("first").version)
    latest = assembled(world, LATEST)
    assert after.rows_sha256 == before.rows_sha256
    assert (before.rows, after.rows, after.table_version) == (30, 30, snapshot.version)
    assert latest.rows == 60
    assert latest.rows_sha256 != before.rows_sha256


def test_without_a_late_arrival_the_version_and_tip_scores_tell_the_same(world: World) -> None:
    decisions, feedback = digit_decisions(50, seed=2)
    world.tell("DECISIONS", decisions)
    world.tell("FEEDBACK", feedback)

    assert assembled(world, world.store.version()).rows_sha256 == assembled(world, LATEST).rows_sha256


def test_the_rule_of_a_reward_is_that_of_tip_scores(world: World) -> None:
    draw = Random(3)  # noqa: S311  # made-up feedback
    decisions, _ = digit_decisions(300, seed=3)
    feedback = []
    for decision in decisions:
        for copy in range(draw.choice((0, 1, 1, 2))):
            after = timedelta(seconds=draw.choice((1, 5, 1_800, 40_000, 90_000)))
            shown = exposure(decision, after)
            feedback.append(shown.model_copy(update={"event_id": f"{shown.event_id}-{copy}"}))
        for copy in range(draw.choice((0, 1, 2))):
            after = timedelta(seconds=draw.choice((0, 3, 1_000, 3_700, 45_000)))
            done = reaction(decision, draw.choice(KINDS), after)
            feedback.append(done.model_copy(update={"event_id": f"{done.event_id}-{copy}"}))
    # A tip that was not the decision's earns nothing, whoever it names as the person.
    other = decisions[0].model_copy(update={"event_id": "other", "user_id": "u9"})
    assert other.score_decided is not None
    wrong = other.score_decided.model_copy(update={"tip_id": "none"})
    feedback.append(exposure(other.model_copy(update={"score_decided": wrong})))
    feedback.append(exposure(decisions[1].model_copy(update={"event_id": "as-u9", "user_id": "u9"})))
    world.tell("DECISIONS", decisions)
    world.tell("FEEDBACK", feedback)

    for as_of in (START, START + timedelta(hours=1), START + timedelta(hours=5), AS_OF, AS_OF + timedelta(days=1)):
        live, pinned = (
            build(Sources(world.store, rewards, CATALOG), SERVICE, as_of=as_of) for rewards in (world.engine, None)
        )
        assert pinned.manifest.excluded == live.manifest.excluded
        assert pinned.manifest.rows_sha256 == live.manifest.rows_sha256
    assert {0.0, 1.0} == set(pinned.rewards)
    assert pinned.manifest.filters["rewards"] == "of the table version"
    shards = assembled(world, world.store.version(), shards=5)
    assert shards.rows_sha256 == build(Sources(world.store, None, CATALOG), SERVICE, as_of=AS_OF).manifest.rows_sha256
