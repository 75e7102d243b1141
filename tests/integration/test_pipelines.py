"""The body of every pipeline step on real rows, in this process, and all of them on KFP's own runner."""

import asyncio
import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest
from kfp import dsl  # type: ignore[import-untyped]  # KFP ships no types

from oo.cards.card import Card
from oo.cards.facts import ModelFacts
from oo.local.settings import StackSettings
from oo.registry.history import Subject
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHALLENGER, CHAMPION, SHADOW, ModelVersion
from oo.rollout.traffic import Traffic
from oo.settings import PipelineSettings
from oo.training.dataset import Dataset
from oo.training.prior import bootstrap
from oo.training.registration import MANIFEST, MODEL_CARD
from oo.training.verdict import GateResult, Outcome, Verdict
from oo.wiring.rollout import conducting
from oo.wiring.steps import LATEST
from oo.wiring.steps.advance import advance
from oo.wiring.steps.propose import propose
from oo.wiring.steps.register import register
from pipelines import local_run, runs
from tests.integration.training_places import AS_OF, WORDS, digits_told, running_places, transitions
from tests.training_data import SERVICE, World

DIGITS = Subject(kind="model", name="digits")
NAME = "digits@1"
REFUSED = Verdict(champion=1, reasons=(GateResult("AUC", passed=False, sentence="It ranks worse."),))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineSettings]:
    with running_places(tmp_path_factory.mktemp("steps")) as settings:
        yield settings


@pytest.fixture(scope="module")
def world(settings: PipelineSettings) -> Iterator[World]:
    with digits_told(settings, 1_000) as world:
        yield world


@pytest.fixture(scope="module")
def registry(settings: PipelineSettings) -> MlflowRegistry:
    return MlflowRegistry(settings.mlflow_url)


def pipeline(name: str) -> ModuleType:
    """Imported when it is wanted: KFP takes seconds to make one, and every worker collects."""
    return import_module(f"pipelines.{name}")


@contextmanager
def as_a_process_of(settings: PipelineSettings, folder: Path) -> Iterator[io.StringIO]:
    """What a step has of its surroundings: where everything is, in its environment, and somebody who reads along."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        for name, value in local_run.variables((StackSettings.on_free_ports(folder), settings)).items():
            patch.setenv(name, value)
        yield printed


@dataclass
class Run:
    """The training pipeline's steps one after the other, with what KFP would hand from one to the next."""

    folder: Path
    planned: list[dict[str, float]] = field(default_factory=list)
    shards: list[dsl.Dataset] = field(default_factory=list)
    version: int = 0
    outcome: Outcome | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dataset = dsl.Dataset(uri=str(self.folder / "dataset"))
        self.candidate = dsl.Model(uri=str(self.folder / "candidate"))
        self.verdict = dsl.Artifact(uri=str(self.folder / "verdict"))
        self.metrics = dsl.Metrics(uri=str(self.folder / "metrics"))

    def through(self, settings: PipelineSettings) -> None:
        train = pipeline("train")
        with as_a_process_of(settings, self.folder) as printed:
            planned = train.plan.python_func(table_version=LATEST, shards=2)
            self.planned = json.loads(json.dumps(planned), parse_int=float)  # as KFP hands them on
            for part in self.planned:
                self.shards.append(dsl.Dataset(uri=str(self.folder / f"shard-{len(self.shards)}")))
                train.assemble.python_func(NAME, AS_OF.isoformat(), part, self.shards[-1])
            train.merge.python_func(NAME, self.shards[::-1], self.dataset)
            train.fit.python_func(NAME, self.dataset, 4, self.candidate)
            train.judge.python_func(NAME, self.dataset, self.candidate, WORDS, self.verdict, self.metrics)
            self.version = train.register.python_func(NAME, self.dataset, self.candidate, WORDS, self.verdict)
            told = train.propose.python_func(NAME, self.version, self.verdict)
        self.outcome = Outcome.model_validate_json(told)
        self.notes = printed.getvalue().splitlines()


@pytest.fixture(scope="module")
def run(
    settings: PipelineSettings, world: World, registry: MlflowRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    assert world.store.version() > 0
    bootstrap(registry, SERVICE)
    run = Run(tmp_path_factory.mktemp("run"))
    run.through(settings)
    return run


def test_with_nothing_on_its_way_there_is_nothing_to_promote(settings: PipelineSettings, tmp_path: Path) -> None:
    with as_a_process_of(settings, tmp_path):
        told = pipeline("promote").advance.python_func("digits")
    assert told == "holds: No version of digits is being rolled out; propose one."


def test_every_shard_is_planned_of_the_table_as_it_is_and_holds_its_share(run: Run, world: World) -> None:
    version = world.store.version()
    assert run.planned == [
        {"index": 0, "count": 2, "table_version": version, "pinned": False},
        {"index": 1, "count": 2, "table_version": version, "pinned": False},
    ]
    assert [note.split(";")[0].split(", ")[1] for note in run.notes[:2]] == ["0 left out"] * 2
    rows = [int(note.removeprefix("oo: ").partition(" rows")[0]) for note in run.notes[:2]]
    assert sum(rows) == 1_000
    assert min(rows) > 300, rows


def test_shards_in_any_order_are_one_dataset_whose_manifest_kfp_shows(run: Run, world: World) -> None:
    dataset = Dataset.load(Path(run.dataset.path))
    assert len(dataset.rows) == 1_000
    times = dataset.decisions["decided_at"].to_pylist()
    assert times == sorted(times)
    assert run.dataset.metadata["rows_sha256"] == dataset.manifest.rows_sha256
    assert run.dataset.metadata["table_version"] == world.store.version()


def test_what_was_fitted_judged_and_registered_is_the_challenger(
    run: Run, world: World, registry: MlflowRegistry
) -> None:
    assert run.outcome is not None
    challenger = registry.by_alias("digits", CHALLENGER)
    assert challenger is not None
    assert run.outcome.challenger == challenger
    assert challenger.version == run.version == 2
    assert challenger.digest == digest(run.candidate)
    assert registry.tags(challenger)["recipe"] == run.candidate.metadata["recipe"]
    assert registry.tags(challenger)["gates"] == "passed"
    manifest = json.loads(registry.read_file(challenger, MANIFEST))
    assert manifest["dataset"]["rows"] == 1_000
    assert manifest["dataset"]["table_version"] == world.store.version()
    assert manifest["fit"]["seed"] == 4
    assert run.outcome.proposed
    assert "oo rollout advance digits" in run.outcome.said
    assert stages(registry, challenger) == ["challenger"]


def test_every_figure_of_every_gate_is_a_metric(run: Run) -> None:
    verdict = Verdict.model_validate_json(Path(run.verdict.path).read_bytes())
    assert verdict.passed, verdict.sentences
    wanted = {f"{one.name} {figure}": value for one in verdict.reasons for figure, value in one.figures.items()}
    assert run.metrics.metadata == wanted
    assert wanted["AUC gain"] > 0.3


def digest(candidate: dsl.Model) -> str:
    return hashlib.sha256((Path(candidate.path) / "model.onnx").read_bytes()).hexdigest()


def fitted(settings: PipelineSettings, dataset: Path, candidate: Path) -> str:
    model = dsl.Model(uri=str(candidate))
    with as_a_process_of(settings, candidate.parent):
        pipeline("train").fit.python_func(NAME, dsl.Dataset(uri=str(dataset)), 4, model)
    return digest(model)


def test_the_same_rows_make_the_same_file_and_one_changed_row_makes_another(
    run: Run, settings: PipelineSettings, registry: MlflowRegistry, tmp_path: Path
) -> None:
    assert fitted(settings, Path(run.dataset.path), tmp_path / "again") == digest(run.candidate)

    changed = with_another_first_reward(Dataset.load(Path(run.dataset.path)))
    changed.save(tmp_path / "changed")
    assert fitted(settings, tmp_path / "changed", tmp_path / "other") != digest(run.candidate)

    before = transitions(settings)
    verdict = tmp_path / "verdict"
    verdict.write_text(REFUSED.model_dump_json())
    places: dict[str, Any] = {"dataset": tmp_path / "changed", "candidate": tmp_path / "other", "verdict": verdict}
    version = register(settings, NAME, card=WORDS, **places)
    with as_a_process_of(settings, tmp_path):
        told = pipeline("train").propose.python_func(NAME, version, dsl.Artifact(uri=str(verdict)))
    outcome = Outcome.model_validate_json(told)
    assert not outcome.proposed
    assert outcome.said == f"digits {version} is refused: 1 stays the champion."
    challenger = registry.by_alias("digits", CHALLENGER)
    assert challenger is not None
    assert challenger.version == run.version != version
    assert transitions(settings) == before


def with_another_first_reward(dataset: Dataset) -> Dataset:
    rewards = dataset.rewards.copy()
    rewards[0] = 1 - rewards[0]
    place = dataset.decisions.schema.get_field_index("reward")
    manifest = replace(dataset.manifest, rows_sha256="0" * 64)
    return Dataset(dataset.decisions.set_column(place, "reward", pa.array(rewards)), dataset.rows, manifest)


def test_kubeflows_own_runner_makes_the_same_version_of_the_same_rows(
    run: Run, settings: PipelineSettings, registry: MlflowRegistry
) -> None:
    before = registry.versions("digits"), transitions(settings)
    steps: list[str] = []
    notes: list[str] = []
    outcome = runs.train(
        settings, runs.Training(NAME, AS_OF, seed=4, shards=3), on_step=steps.append, on_note=notes.append
    )
    assert steps == ["plan", "assemble", "assemble", "assemble", "merge", "fit", "judge", "register", "propose"]
    assert sum(int(note.partition(" rows")[0]) for note in notes[:3]) == 1_000
    assert all("it took" in note and note.endswith(" MiB") for note in notes)
    assert outcome.challenger.version == run.version, "two shards or three: the same rows, the same file"
    assert (registry.versions("digits"), transitions(settings)) == before


def test_what_serves_already_is_not_proposed(run: Run, settings: PipelineSettings, registry: MlflowRegistry) -> None:
    champion = registry.by_alias("digits", CHAMPION)
    assert champion is not None
    before = transitions(settings)
    outcome = propose(settings, NAME, version=champion.version, verdict=Path(run.verdict.path))
    assert not outcome.proposed
    assert outcome.said == "digits 1 serves already: these rows made the same file before."
    assert transitions(settings) == before


def test_a_model_is_judged_before_anybody_wrote_its_card(run: Run, settings: PipelineSettings) -> None:
    verdict = dsl.Artifact(uri=str(run.folder / "without-card"))
    with as_a_process_of(settings, run.folder):
        pipeline("train").judge.python_func(
            NAME, run.dataset, run.candidate, "", verdict, dsl.Metrics(uri=str(run.folder / "none"))
        )
    assert Verdict.model_validate_json(Path(verdict.path).read_bytes()).passed


@dataclass
class MemoryTraffic:
    """Has what it was asked for at once."""

    traffic: Traffic | None = None

    async def apply(self, traffic: Traffic) -> None:
        self.traffic = traffic

    async def current(self, _: Subject) -> Traffic | None:
        return self.traffic


def test_the_challenger_becomes_a_shadow_and_once_rolled_back_is_none_again_by_the_same_rows(
    run: Run, settings: PipelineSettings, registry: MlflowRegistry
) -> None:
    traffic = MemoryTraffic()
    moved = advance(settings, "digits", traffic, who="a schedule")
    assert moved.move.title == "on to shadow", moved.move.reasons
    assert traffic.traffic == Traffic(DIGITS, "1", "2", mirror=True)
    shadow = registry.by_alias("digits", SHADOW)
    assert shadow is not None
    assert shadow.version == run.version
    assert registry.by_alias("digits", CHALLENGER) is None
    held = advance(settings, "digits", traffic, who="a schedule")
    assert held.move.title == "holds", "a day as a shadow is not over"
    assert stages(registry, shadow) == ["challenger", "shadow"]
    meanwhile = registered_and_proposed(run, settings)
    assert not meanwhile.proposed
    assert meanwhile.said == "digits 2 is the shadow already: these rows made the same file before."
    assert stages(registry, shadow) == ["challenger", "shadow"]

    asyncio.run(rolled_back(settings, traffic))
    again = registered_and_proposed(run, settings)
    assert again.challenger == shadow
    assert not again.proposed
    assert again.said.startswith("digits 2 passed and waits: digits 2 was on trial before")
    assert registry.by_alias("digits", CHALLENGER) is None
    assert traffic.traffic == Traffic(DIGITS, "1")
    assert stages(registry, shadow) == ["challenger", "shadow", "rolled_back"], "its new card has lost its history"


def registered_and_proposed(run: Run, settings: PipelineSettings) -> Outcome:
    verdict = Path(run.verdict.path)
    places: dict[str, Any] = {"dataset": Path(run.dataset.path), "candidate": Path(run.candidate.path)}
    version = register(settings, NAME, card=WORDS, verdict=verdict, **places)
    return propose(settings, NAME, version=version, verdict=verdict)


async def rolled_back(settings: PipelineSettings, traffic: MemoryTraffic) -> None:
    async with conducting(settings, "digits", traffic) as conductor:
        await conductor.rollback(who="ada", why="It is slow.")


def stages(registry: MlflowRegistry, version: ModelVersion) -> list[str]:
    """What became of a version, as its card tells it."""
    card = Card.parse(registry.read_file(version, MODEL_CARD).decode())
    assert isinstance(card.facts, ModelFacts)
    assert card.missing() == ()
    return [step.stage for step in card.facts.rollout]
