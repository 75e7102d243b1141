"""The training pipeline on KFP's local runner, with real stores and a real registry."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from oo.errors import PipelineFailed
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHALLENGER, CHAMPION, PREVIOUS
from oo.settings import PipelineSettings
from oo.training.lineage import models_trained_on
from oo.training.prior import bootstrap
from pipelines.train import run_locally
from tests.mlflow_server import mlflow_server
from tests.training_data import CATALOG, SERVICE, START, World, digit_decisions

AS_OF = START + timedelta(days=1)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineSettings]:
    folder = tmp_path_factory.mktemp("pipeline")
    catalog = folder / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG.model_dump(mode="json", exclude_none=True)))
    with mlflow_server(folder) as uri:
        yield PipelineSettings(
            catalog=(catalog,),
            mlflow_url=uri,
            offline_store=str(folder / "offline"),
            tip_scores_url=f"sqlite:///{folder / 'tip_scores.db'}",
            pipeline_root=folder / "runs",
        )


@pytest.fixture(scope="module")
def world(settings: PipelineSettings) -> Iterator[World]:
    world = World.in_folder(Path(settings.offline_store).parent)
    decisions, feedback = digit_decisions(600, seed=4)
    world.tell("DECISIONS", decisions)
    world.tell("FEEDBACK", feedback)
    yield world
    world.engine.dispose()


def test_decisions_become_the_next_champion_and_the_same_again_are_refused(
    settings: PipelineSettings, world: World
) -> None:
    registry = MlflowRegistry(settings.mlflow_url)
    prior = bootstrap(registry, SERVICE)
    steps: list[str] = []
    outcome = run_locally(settings, "digits@1", as_of=AS_OF, seed=4, on_step=steps.append)
    assert steps == ["assemble", "fit", "register", "judge"]
    assert outcome.promoted, outcome.sentences
    assert registry.by_alias("digits", CHAMPION) == outcome.challenger
    assert registry.by_alias("digits", PREVIOUS) == prior
    manifest = json.loads(registry.read_file(outcome.challenger, "manifest.json"))
    assert manifest["dataset"]["rows"] == 600
    assert manifest["dataset"]["table_version"] == world.store.version()
    assert manifest["fit"]["seed"] == 4
    assert models_trained_on(registry, "digits", "00000000-0000-0000-0000-000000000000") == [outcome.challenger]

    again = run_locally(settings, "digits@1", as_of=AS_OF, seed=4)
    assert again.challenger.digest == outcome.challenger.digest
    assert not again.promoted
    assert registry.by_alias("digits", CHALLENGER) == again.challenger
    assert registry.by_alias("digits", CHAMPION) == outcome.challenger


def test_too_little_to_learn_from_ends_with_the_step_and_its_sentence(settings: PipelineSettings, world: World) -> None:
    early = START + timedelta(hours=1, minutes=5)  # the windows of the first five minutes are over
    with pytest.raises(PipelineFailed, match=r"step 'fit': \d+ decisions to fit on, 100 are needed"):
        run_locally(settings, "digits@1", as_of=early, seed=4)
    assert world.store.version() > 0
