from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oo.bus.tombstones import Person
from oo.catalog import Catalog, Tenant
from oo.erasure.datasets import Datasets
from oo.errors import DatasetUnfinished
from oo.events.decision import ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind
from oo.events.signals import SessionStarted
from oo.experiments.uniform import Uniform
from oo.features.services import FeatureService, NumberColumn
from oo.offline.store import OfflineStore
from oo.training.assembly import Sources, assemble, build, merge
from oo.training.dataset import Dataset
from oo.training.shards import Shard
from tests.envelopes import envelope
from tests.training_data import (
    CATALOG,
    SERVICE,
    START,
    WINDOW,
    World,
    decision_of_digit,
    digit_decisions,
    exposure,
    reaction,
)

IMAGE = np.arange(64.0)
LATER = START + timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


def decision(number: int = 1, chosen: str = "7", at: datetime = START, **changed: object) -> Envelope:
    return decision_of_digit(number, IMAGE, chosen, at, **changed)


def test_a_row_is_the_chosen_arm_as_it_was_served_with_what_it_earned(world: World) -> None:
    decided = decision()
    world.tell("DECISIONS", [decided])
    world.tell("FEEDBACK", [exposure(decided), reaction(decided, ReactionKind.CLICKED)])
    dataset = build(world.sources(), SERVICE, as_of=LATER)
    context = {f"pixel_{pixel:02}": float(value) for pixel, value in enumerate(IMAGE)}
    np.testing.assert_array_equal(dataset.rows, SERVICE.encode([("7", {})], context=context))
    (row,) = dataset.decisions.to_pylist()
    assert row == {
        "decision_id": "00000000-0000-0000-0000-000000000001",
        "tenant_id": "digits",
        "user_id": "u1",
        "decided_at": START,
        "propensity": 0.1,
        "reward": 1.0,
    }


def test_an_exposure_without_a_reaction_earns_nothing_when_its_window_is_over(world: World) -> None:
    world.tell("DECISIONS", [decision()])
    world.tell("FEEDBACK", [exposure(decision())])
    assert build(world.sources(), SERVICE, as_of=LATER).rewards.tolist() == [0.0]


def test_what_may_not_be_learned_from_is_left_out_and_counted(world: World) -> None:
    shown = [
        decision(1),
        decision(2, degraded=("no_model",)),
        decision(3, serving_role=ServingRole.SHADOW),
        decision(4, feature_service="digits@2"),
        decision(5, at=LATER - WINDOW / 2),
        decision(6, at=LATER + timedelta(seconds=1)),
    ]
    never_shown = decision(7)
    world.tell("DECISIONS", [*shown, never_shown])
    world.tell("FEEDBACK", [exposure(decided) for decided in shown])
    dataset = build(world.sources(), SERVICE, as_of=LATER)
    assert dataset.manifest.rows == 1
    assert dataset.manifest.excluded == {
        "after_as_of": 1,
        "degraded": 1,
        "never_exposed": 1,
        "open": 1,
        "other_feature_service": 1,
        "shadow": 1,
    }


def test_nothing_is_learned_from_testers_and_the_manifest_does_not_name_them(world: World) -> None:
    tenant = CATALOG.tenants[0].model_copy(update={"testers": ("u3", "nobody")})
    catalog = Catalog(feature_services=(SERVICE,), tenants=(tenant,))
    told = [decision(2), decision(3), decision(53)]
    world.tell("DECISIONS", told)
    world.tell("FEEDBACK", [exposure(decided) for decided in told])
    dataset = build(world.sources(catalog), SERVICE, as_of=LATER)
    assert dataset.decisions["user_id"].to_pylist() == ["u2"]
    assert dataset.manifest.excluded == {"tester": 2}
    filters = dataset.manifest.filters
    assert filters["digits testers"].startswith("2, sha256 ")
    assert "u3" not in filters["digits testers"].split()
    assert build(world.sources(), SERVICE, as_of=LATER).manifest.filters == {
        "left_out": "after_as_of, other_feature_service, shadow, tester, degraded, repeated, never_exposed, open",
        "rewards": "of tip_scores when it was read",
        "digits reward_window": "3600 s",
    }


def test_a_shadow_with_the_same_id_changes_nothing(world: World) -> None:
    world.tell("DECISIONS", [decision(1), decision(1, chosen="3", serving_role=ServingRole.SHADOW)])
    world.tell("FEEDBACK", [exposure(decision(1))])
    dataset = build(world.sources(), SERVICE, as_of=LATER)
    assert SERVICE.cell_names[int(np.argmax(dataset.rows[0, 64:])) + 64] == "candidate.tip_id=7"


def test_of_a_decision_that_was_recorded_twice_the_first_stands(world: World) -> None:
    again = decision(1, chosen="3", at=START + timedelta(minutes=20)).model_copy(update={"event_id": "again"})
    world.tell("DECISIONS", [again, decision(1)])
    world.tell("FEEDBACK", [exposure(decision(1))])
    dataset = build(world.sources(), SERVICE, as_of=LATER)
    assert dataset.decisions["decided_at"].to_pylist() == [START]
    assert dataset.manifest.excluded == {"repeated": 1}


def test_another_tenants_decisions_are_not_read(world: World) -> None:
    other = decision().model_copy(update={"tenant_id": "example"})
    world.tell("DECISIONS", [other])
    world.tell("FEEDBACK", [exposure(other)])
    assert build(world.sources(), SERVICE, as_of=LATER).manifest.rows == 0


def test_rows_come_in_the_order_of_time_and_then_of_ids(world: World) -> None:
    told = [decision(3), decision(1, at=START + timedelta(seconds=1)), decision(2)]
    world.tell("DECISIONS", told)
    world.tell("FEEDBACK", [exposure(decided) for decided in told])
    ids = build(world.sources(), SERVICE, as_of=LATER).decisions["decision_id"].to_pylist()
    assert [int(decision_id[-1]) for decision_id in ids] == [2, 3, 1]


def test_a_pinned_version_gives_the_same_rows_after_more_was_archived(world: World) -> None:
    decisions, feedback = digit_decisions(30, seed=1)
    world.tell("FEEDBACK", feedback)
    world.tell("DECISIONS", decisions[:20])
    first = build(world.sources(), SERVICE, as_of=LATER)
    world.tell("DECISIONS", decisions[20:], first=21)
    pinned = build(world.sources(), SERVICE, as_of=LATER, version=first.manifest.table_version)
    assert pinned.manifest == first.manifest
    assert build(world.sources(), SERVICE, as_of=LATER).manifest.rows == 30


def test_signal_values_are_folded_again_and_differences_are_counted(world: World) -> None:
    service = FeatureService(name="tips@1", model="tips", columns=(NumberColumn(name="sessions_7d", source="signal"),))
    tenant = Tenant(name="digits", feature_service="tips@1", policy=Uniform(version="1"), reward_window=WINDOW)
    catalog = Catalog(feature_services=(service,), tenants=(tenant,))
    sessions = [
        envelope(
            event_id=f"session-{number}",
            occurred_at=START - timedelta(hours=number),
            tenant_id="digits",
            user_id="u1",
            session_started=SessionStarted(),
        )
        for number in (1, 2, 3)
    ]
    served: dict[str, Any] = {"feature_service": "tips@1", "signal_sequence": 2}
    told = [
        decision(1, **served, signal_features={"sessions_7d": 2.0}),
        decision(51, **served, signal_features={"sessions_7d": 3.0}),
        decision(2, **served),
    ]
    world.tell("SIGNALS", sessions)
    world.tell("DECISIONS", told)
    world.tell("FEEDBACK", [exposure(decided) for decided in told])
    manifest = build(world.sources(catalog), service, as_of=LATER).manifest
    assert manifest.skew == {"checked": 3, "differing": 1}


def test_a_service_without_signals_has_no_skew_to_check(world: World) -> None:
    world.tell("DECISIONS", [decision()])
    world.tell("FEEDBACK", [exposure(decision())])
    assert build(world.sources(CATALOG), SERVICE, as_of=LATER).manifest.skew == {"checked": 0, "differing": 0}


def in_shards(world: World, count: int, sources: Sources) -> Dataset:
    version = world.store.version()
    folders = [world.folder / "runs" / f"{count}" / f"{index}" for index in range(count)]
    for index, folder in enumerate(folders):
        assemble(sources, SERVICE, Shard(index, count), as_of=LATER, version=version, folder=folder)
    merge(world.store, SERVICE, folders[::-1], world.folder / "runs" / f"dataset-{count}")
    return Dataset.load(world.folder / "runs" / f"dataset-{count}")


def tell_much(world: World) -> None:
    """Decisions of 50 people, with one of everything that may go wrong between shards."""
    decisions, feedback = digit_decisions(120, seed=5)
    same_moment = [decision(number, at=START) for number in (201, 202, 203)]
    another = decisions[7].model_copy(update={"user_id": "u77", "event_id": "an-id-that-two-people-share"})
    again = decisions[9].model_copy(update={"event_id": "again", "occurred_at": START + timedelta(minutes=9)})
    out = [decision(301, degraded=("model",)), decision(302, serving_role=ServingRole.SHADOW), decision(303)]
    world.tell("DECISIONS", [*decisions, *same_moment, another, again, *out])
    world.tell("FEEDBACK", [*feedback, *(exposure(each) for each in (*same_moment, *out[:2]))])


@pytest.mark.parametrize("pinned", [False, True])
def test_however_many_shards_there_are_the_dataset_is_the_same(world: World, *, pinned: bool) -> None:
    tell_much(world)
    sources = Sources(world.store, None if pinned else world.engine, CATALOG)
    whole = in_shards(world, 1, sources)
    # The reward join keeps the first record of an id that two people share; without it both earn.
    assert whole.manifest.rows == (124 if pinned else 123)
    missed = 1 if pinned else 2
    assert whole.manifest.excluded == {"degraded": 1, "never_exposed": missed, "repeated": 1, "shadow": 1}
    for count in (3, 8):
        dataset = in_shards(world, count, sources)
        assert dataset.manifest == whole.manifest
        assert dataset.decisions.equals(whole.decisions)
        np.testing.assert_array_equal(dataset.rows, whole.rows)
    assert build(sources, SERVICE, as_of=LATER).manifest == whole.manifest


@pytest.mark.parametrize("changed", [{"propensity": 0.2}, {"context": {"pixel_00": 1.0}}, {"tip_id": "4"}])
def test_a_changed_row_changes_the_hash(world: World, tmp_path: Path, changed: dict[str, Any]) -> None:
    other = World.in_folder(tmp_path / "other")
    for each, first in ((world, decision(1)), (other, decision(1, **changed))):
        each.tell("DECISIONS", [first, decision(2)])
        each.tell("FEEDBACK", [exposure(first), exposure(decision(2))])
    one, two = (in_shards(each, 3, each.sources()).manifest for each in (world, other))
    assert (one.rows, two.rows) == (2, 2)
    assert one.rows_sha256 != two.rows_sha256
    other.engine.dispose()


def test_what_is_assembled_again_over_half_of_it_is_the_same(world: World) -> None:
    tell_much(world)
    first = in_shards(world, 3, world.sources())
    dataset, shard = world.folder / "runs" / "dataset-3", world.folder / "runs" / "3" / "1"
    for name in ("dataset.parquet", "begun.dataset.parquet"):
        (dataset / name).write_bytes(b"PAR1 and then the power went")
    (dataset / "dataset.json").unlink()
    (shard / "shard.parquet").unlink()
    (shard / "begun.shard.parquet").write_bytes(b"PAR1 and then the power went")
    again = in_shards(world, 3, world.sources())
    assert again.manifest == first.manifest
    np.testing.assert_array_equal(again.rows, first.rows)
    assert {path.name for path in dataset.iterdir()} == {"dataset.parquet", "dataset.json"}


async def test_a_person_can_be_erased_from_shards_and_dataset_and_both_still_fit(world: World) -> None:
    tell_much(world)
    whole = in_shards(world, 3, world.sources())
    person = Person("digits", "u7")
    theirs = whole.decisions["user_id"].to_pylist().count("u7")
    found = await Datasets(world.folder / "runs", person, LATER).look(lambda _done, _of: None, remove=True)
    assert (found.found, found.removed) == (2 * theirs, 2 * theirs)
    left = Dataset.load(world.folder / "runs" / "dataset-3")
    assert len(left.rows) == len(left.decisions) == len(whole.rows) - theirs
    folders = [world.folder / "runs" / "3" / str(index) for index in range(3)]
    merged = merge(world.store, SERVICE, folders, world.folder / "new")
    assert merged.rows == len(left.rows)
    np.testing.assert_array_equal(Dataset.load(world.folder / "new").rows, left.rows)


def test_shards_of_columns_that_were_declared_anew_are_refused(world: World) -> None:
    world.tell("DECISIONS", [decision()])
    folder = world.folder / "shard"
    assemble(world.sources(), SERVICE, Shard(0, 1), as_of=LATER, version=world.store.version(), folder=folder)
    changed = SERVICE.model_copy(update={"columns": SERVICE.columns[1:]})
    with pytest.raises(DatasetUnfinished, match="not of digits@1 as it is declared now"):
        merge(world.store, FeatureService(**changed.model_dump()), [folder], world.folder / "dataset")


def test_skew_is_looked_for_in_the_newest_decisions_of_all_shards(world: World) -> None:
    service = FeatureService(name="tips@1", model="tips", columns=(NumberColumn(name="sessions_7d", source="signal"),))
    tenant = Tenant(name="digits", feature_service="tips@1", policy=Uniform(version="1"), reward_window=WINDOW)
    catalog = Catalog(feature_services=(service,), tenants=(tenant,))
    served: dict[str, Any] = {"feature_service": "tips@1", "signal_sequence": 2}
    # The oldest 100 were served wrongly, which nobody looks at any more; so were 10 of the newest thousand.
    told = [
        decision(
            number,
            at=START + timedelta(seconds=number),
            signal_features={"sessions_7d": 9.0} if number < 100 or number % 100 == 0 else None,
            **served,
        )
        for number in range(1, 1_101)
    ]
    world.tell("DECISIONS", told)
    world.tell("FEEDBACK", [exposure(each) for each in told])
    version, folders = world.store.version(), [world.folder / str(index) for index in range(3)]
    for index, folder in enumerate(folders):
        sources = world.sources(catalog)
        assemble(sources, service, Shard(index, 3), as_of=LATER, version=version, folder=folder)
    manifest = merge(OfflineStore(world.folder / "offline"), service, folders, world.folder / "dataset")
    assert manifest.skew == {"checked": 1_000, "differing": 10}
