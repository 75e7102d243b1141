"""The training pipeline on KFP's local runner, with real stores, a real registry and a real history."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from oo.cards.card import Card
from oo.errors import PipelineFailed
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHALLENGER, CHAMPION
from oo.settings import PipelineSettings
from oo.training.lineage import models_trained_on
from oo.training.prior import bootstrap
from oo.training.registration import MODEL_CARD, VERDICT
from pipelines import runs
from pipelines.runs import Training
from tests.integration.training_places import AS_OF, digits_told, running_places, transitions
from tests.training_data import SERVICE, START, World

STEPS = ["plan", "assemble", "assemble", "merge", "fit", "judge", "register", "propose"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineSettings]:
    with running_places(tmp_path_factory.mktemp("pipeline")) as settings:
        yield settings


@pytest.fixture(scope="module")
def world(settings: PipelineSettings) -> Iterator[World]:
    with digits_told(settings, 1_000) as world:
        yield world


def test_decisions_become_a_challenger_that_nobody_sees_yet_and_the_same_again_changes_nothing(
    settings: PipelineSettings, world: World
) -> None:
    registry = MlflowRegistry(settings.mlflow_url)
    prior = bootstrap(registry, SERVICE)
    steps: list[str] = []
    notes: list[str] = []
    outcome = runs.train(
        settings, Training("digits@1", AS_OF, seed=4, shards=2), on_step=steps.append, on_note=notes.append
    )
    assert steps == STEPS
    assert sum(int(note.partition(" rows")[0]) for note in notes[:2]) == 1_000
    assert all("it took" in note and note.endswith(" MiB") for note in notes)
    assert outcome.proposed, outcome.sentences
    assert registry.by_alias("digits", CHALLENGER) == outcome.challenger
    assert registry.by_alias("digits", CHAMPION) == prior
    manifest = json.loads(registry.read_file(outcome.challenger, "manifest.json"))
    assert manifest["dataset"]["rows"] == 1_000
    assert manifest["dataset"]["table_version"] == world.store.version()
    assert manifest["fit"]["seed"] == 4
    assert models_trained_on(registry, "digits", "00000000-0000-0000-0000-000000000000") == [outcome.challenger]
    card = Card.parse(registry.read_file(outcome.challenger, MODEL_CARD).decode())
    assert card.missing() == ()
    assert card.facts is not None
    assert card.facts.kind == "model"
    assert [step.stage for step in card.facts.rollout] == ["challenger"]
    before = transitions(settings)
    assert [one.transition.stage for one in before] == ["champion", "challenger"]

    again = runs.train(settings, Training("digits@1", AS_OF, seed=4))
    assert again.challenger == outcome.challenger, "one shard or two: the same rows, the same file, the same version"
    assert again.proposed
    assert transitions(settings) == before
    assert registry.versions("digits") == [prior, outcome.challenger]
    assert registry.read_file(outcome.challenger, VERDICT)


def test_too_little_to_learn_from_ends_with_the_step_and_its_sentence(settings: PipelineSettings, world: World) -> None:
    early = START + timedelta(hours=1, minutes=5)  # the windows of the first five minutes are over
    with pytest.raises(PipelineFailed, match=r"step 'fit': \d+ decisions to fit on, 100 are needed"):
        runs.train(settings, Training("digits@1", early, seed=4))
    assert world.store.version() > 0
