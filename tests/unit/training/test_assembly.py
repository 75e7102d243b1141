from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oo.catalog import Catalog, Tenant
from oo.events.decision import ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind
from oo.events.signals import SessionStarted
from oo.experiments.uniform import Uniform
from oo.features.services import FeatureService, NumberColumn
from oo.training.assembly import build
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
