from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from oo.events.feedback import ReactionKind
from oo.training.dataset import Manifest
from oo.training.steps.assemble import LATEST, assemble
from tests.training_data import CATALOG, START, World, digit_decisions, exposure, reaction

AS_OF = START + timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


def assembled(world: World, version: int) -> Manifest:
    catalog = world.folder / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG.model_dump(mode="json", exclude_none=True)))
    return assemble(
        catalog=str(catalog),
        feature_service="digits@1",
        offline_store=str(world.folder / "offline"),
        tip_scores_url=f"sqlite:///{world.folder / 'tip_scores.db'}",
        as_of=AS_OF.isoformat(),
        table_version=version,
        dataset=world.folder / "dataset",
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
