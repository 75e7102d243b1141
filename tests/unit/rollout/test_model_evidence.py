import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from oo.events.decision import ServingRole
from oo.events.feedback import ReactionKind
from oo.offline.store import OfflineStore
from oo.registry.history import Recorded, Stage, Transition
from oo.registry.memory_registry import MemoryRegistry
from oo.rollout.model_evidence import ModelEvidence
from oo.rollout.plan import Advance, Hold, plan
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.training.registration import MANIFEST, MODEL_CARD, VERDICT, write_card
from tests.training_data import CATALOG, SERVICE, World, exposure, reaction
from tests.unit.rollout.carded import MADE_OF, PASSED, WORDS, carded
from tests.unit.rollout.trial import MODEL, at, decided

ASKED = Requirements(
    settling=timedelta(0),
    grace=timedelta(0),
    shadow_hold=timedelta(minutes=10),
    canary_hold=timedelta(minutes=10),
    pairs=100,
    decisions=20,
    exposures=20,
    percents=(25,),
    confidence=0.9,
    error_margin=0.1,
    coverage=0.9,
)
STEP = timedelta(minutes=20)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.in_folder(tmp_path)
    yield world
    world.engine.dispose()


@pytest.fixture
def registry() -> MemoryRegistry:
    registry = MemoryRegistry()
    for number in (1, 2):
        carded(registry, number)
    return registry


def rollout_of(registry: MemoryRegistry, *steps: tuple[Stage, int]) -> Rollout:
    """Version 2 at these steps, each of them twenty minutes."""
    version = registry.versions("digits")[1]
    return Rollout.of(
        MODEL,
        [
            Recorded(
                sequence=place + 1,
                transition=Transition(
                    subject=MODEL,
                    version="2",
                    stage=stage,
                    percent=percent,
                    champion="1",
                    at=at(0) + (place - 1) * STEP,
                    who="ada",
                    why="told",
                    digest=version.digest,
                    feature_digest=version.feature_digest,
                ),
            )
            for place, (stage, percent) in enumerate((("challenger", 0), *steps))
        ],
    )


def source(world: World, registry: MemoryRegistry) -> ModelEvidence:
    return ModelEvidence(world.store, world.engine, registry, CATALOG, ASKED)


def tell_a_shadow(world: World, registry: MemoryRegistry) -> datetime:
    """Twenty minutes of mirrored decisions; their end."""
    digest = registry.versions("digits")[1].digest
    told = []
    for number in range(0, 1_200, 6):
        told += [decided(number), decided(number, ServingRole.SHADOW, digest=digest)]
    world.tell("DECISIONS", told)
    return at(1_200)


def tell_a_canary(world: World, registry: MemoryRegistry) -> datetime:
    """Twenty minutes of which a quarter went to a canary that always earns, and an hour for its rewards."""
    digest = registry.versions("digits")[1].digest
    decisions, feedback = [], []
    for number in range(1_200, 2_400, 2):
        canary = number % 8 == 0
        role = ServingRole.CANARY if canary else ServingRole.STABLE
        decision = decided(number, role, digest=digest if canary else None)
        won = canary or number % 10 == 0
        decisions.append(decision)
        feedback += [exposure(decision), reaction(decision, ReactionKind.CLICKED if won else ReactionKind.DISMISSED)]
    world.tell("DECISIONS", decisions, 1_000)
    world.tell("FEEDBACK", feedback)
    return at(2_400) + timedelta(hours=1)


async def test_what_real_stores_hold_carries_a_shadow_and_a_canary(world: World, registry: MemoryRegistry) -> None:
    now = tell_a_shadow(world, registry)
    shadow = rollout_of(registry, ("shadow", 0))
    evidence = await source(world, registry).collect(shadow, now)
    assert evidence.unreachable == ()
    assert evidence.shadow is not None
    assert evidence.shadow.all.coverage.paired == 200
    move = plan(shadow, evidence, ASKED, now)
    assert isinstance(move, Advance), move
    assert (move.stage, move.percent) == ("canary", 25)

    now = tell_a_canary(world, registry)
    canary = rollout_of(registry, ("shadow", 0), ("canary", 25))
    evidence = await source(world, registry).collect(canary, now)
    assert evidence.canary is not None
    assert evidence.canary.decisions == {"stable": 450, "canary": 150}
    assert evidence.canary.rewards.candidate == 150
    assert evidence.shadow is not None
    assert evidence.shadow.all.coverage.expected == 200
    move = plan(canary, evidence, ASKED, now)
    assert isinstance(move, Advance), move
    assert move.stage == "champion"


async def test_a_challenger_is_known_by_its_file_its_columns_and_its_gates(
    world: World, registry: MemoryRegistry
) -> None:
    challenger = rollout_of(registry)
    evidence = await source(world, registry).collect(challenger, at(0))
    version = registry.versions("digits")[1]
    assert evidence.artefact is not None
    assert (evidence.artefact.digest, evidence.artefact.feature_digest) == (version.digest, SERVICE.digest)
    assert evidence.served_feature_digest == SERVICE.digest
    card = registry.read_file(version, MODEL_CARD).decode()
    assert evidence.documents == {MANIFEST: json.dumps(MADE_OF), VERDICT: json.dumps(PASSED), MODEL_CARD: card}
    assert isinstance(plan(challenger, evidence, ASKED, at(0)), Advance)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (json.dumps(PASSED).replace("true", "false").encode(), "The file gives the model's numbers."),
        (b'{"champion": 1, "reasons": []}', "The verdict names no gate."),
        (b'{"champion": 7, "reasons": []}', "compared it with version 7, and 1 serves"),
        (b"{}", "reasons: Field required"),
        (b"none", "cannot be read"),
    ],
)
async def test_a_verdict_that_is_no_pass_holds(
    world: World, registry: MemoryRegistry, verdict: bytes, words: str
) -> None:
    registry.attach(registry.versions("digits")[1], {VERDICT: verdict}, {})
    challenger = rollout_of(registry)
    move = plan(challenger, await source(world, registry).collect(challenger, at(0)), ASKED, at(0))
    assert isinstance(move, Hold)
    assert words in " ".join(move.reasons)


async def test_an_incomplete_a_stale_and_an_unreadable_card_hold(world: World, registry: MemoryRegistry) -> None:
    version = registry.versions("digits")[1]
    challenger = rollout_of(registry)

    async def reasons() -> str:
        move = plan(challenger, await source(world, registry).collect(challenger, at(0)), ASKED, at(0))
        assert isinstance(move, Hold)
        return " ".join(move.reasons)

    write_card(registry, SERVICE, version, WORDS.replace("Us.", ""))
    assert await reasons() == "Its model card: nobody has written its section “Owners” yet."
    card = write_card(registry, SERVICE, version, WORDS)
    registry.attach(version, {MODEL_CARD: str(card).replace('"rows": 900', '"rows": 901').encode()}, {})
    assert "its facts are not those of today" in await reasons()
    registry.attach(version, {MODEL_CARD: str(card).replace("```json", "```").encode()}, {})
    assert "hold no JSON" in await reasons()


async def test_what_does_not_answer_is_named_and_the_rest_is_told(
    tmp_path: Path, world: World, registry: MemoryRegistry
) -> None:
    now = tell_a_shadow(world, registry)
    away = create_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'file.db'}")
    canary = rollout_of(registry, ("shadow", 0), ("canary", 25))
    without = ModelEvidence(world.store, away, MemoryRegistry(), CATALOG, ASKED)
    evidence = await without.collect(canary, now + STEP)
    no_model, no_rewards = evidence.unreachable
    assert "has no version '2'" in no_model
    assert "database of tip_scores does not answer" in no_rewards
    assert (evidence.artefact, evidence.canary) == (None, None)
    assert evidence.shadow is not None
    nothing = ModelEvidence(OfflineStore(tmp_path / "none"), world.engine, registry, CATALOG, ASKED)
    assert "holds no table yet" in (await nothing.collect(canary, now + STEP)).unreachable[0]


async def test_columns_that_serving_encodes_otherwise_now_hold(world: World, registry: MemoryRegistry) -> None:
    other = registry.register(
        "digits", b"model 3", feature_service="digits@1", feature_digest="ff" * 32, files={}, tags={}
    )
    challenger = Rollout(
        MODEL,
        version="3",
        steps=rollout_of(registry).steps,
        champions=("1",),
        digest=other.digest,
        feature_digest="ff" * 32,
    )
    move = plan(challenger, await source(world, registry).collect(challenger, at(0)), ASKED, at(0))
    assert isinstance(move, Hold)
    assert "other columns than serving encodes now" in " ".join(move.reasons)


async def test_a_step_that_has_just_begun_has_no_report_yet(world: World, registry: MemoryRegistry) -> None:
    shadow = rollout_of(registry, ("shadow", 0))
    assert shadow.since is not None
    assert (await source(world, registry).collect(shadow, shadow.since)).shadow is None
