import json

import numpy as np
import pytest

from oo.errors import UnknownModel
from oo.features.services import FeatureService
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import CHALLENGER, CHAMPION, PREVIOUS
from oo.training.candidate import Candidate, Report
from oo.training.challenge import Outcome, decide, register
from oo.training.dataset import Dataset
from oo.training.export import to_onnx
from oo.training.lineage import models_trained_on
from oo.training.model import RECIPES
from oo.training.prior import bootstrap, prior
from tests.training_data import SERVICE, digit_dataset


def report(parity_difference: float = 1e-7) -> Report:
    return Report("boosting", {"boosting": 0.3, "forest": 0.4}, 100, parity_difference, seed=1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Rows whose reward their first pixel tells, so that small trees learn it at once."""
    dataset = digit_dataset(600)
    rows = np.random.default_rng(1).normal(size=dataset.rows.shape).astype(np.float32)
    rows[:, 0] += 3 * dataset.rewards.astype(np.float32)
    return Dataset(dataset.decisions, rows, dataset.manifest)


@pytest.fixture(scope="module")
def candidate(dataset: Dataset) -> Candidate:
    fitted = RECIPES["boosting"](1).fit(dataset.rows[dataset.fitted], dataset.rewards[dataset.fitted])
    return Candidate(to_onnx(fitted, SERVICE), report())


@pytest.fixture
def registry() -> MemoryRegistry:
    registry = MemoryRegistry()
    bootstrap(registry, SERVICE)
    return registry


def test_a_registered_candidate_is_the_challenger_with_what_it_was_made_of(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset)
    assert registry.by_alias("digits", CHALLENGER) == version
    assert registry.load(version) == candidate.onnx
    manifest = json.loads(registry.read_file(version, "manifest.json"))
    assert manifest["dataset"]["rows"] == 600
    assert manifest["fit"]["recipe"] == "boosting"


def test_a_better_challenger_becomes_the_champion_and_the_old_one_is_kept(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    old = registry.by_alias("digits", CHAMPION)
    version = register(registry, SERVICE, candidate, dataset)
    outcome = decide(registry, SERVICE, version, dataset)
    assert outcome.promoted
    assert registry.by_alias("digits", CHAMPION) == version
    assert registry.by_alias("digits", PREVIOUS) == old == outcome.champion
    assert outcome.sentences[-1] == "digits 2 is promoted: it is the champion now, and 1 is kept as the previous one."


def test_a_challenger_that_knows_no_more_is_refused_in_words(registry: MemoryRegistry, dataset: Dataset) -> None:
    champion = registry.by_alias("digits", CHAMPION)
    version = register(registry, SERVICE, Candidate(prior(SERVICE), report()), dataset)
    outcome = decide(registry, SERVICE, version, dataset)
    assert not outcome.promoted
    assert registry.by_alias("digits", CHAMPION) == champion
    assert registry.by_alias("digits", PREVIOUS) is None
    assert any(sentence.startswith("no: ") and "inconclusive" in sentence for sentence in outcome.sentences)
    assert outcome.sentences[-1] == "digits 2 is refused: 1 stays the champion."


def test_a_broken_export_is_refused_however_good_it_is(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, Candidate(candidate.onnx, report(parity_difference=0.2)), dataset)
    assert not decide(registry, SERVICE, version, dataset).promoted


def test_the_verdict_is_kept_with_the_version(registry: MemoryRegistry, candidate: Candidate, dataset: Dataset) -> None:
    version = register(registry, SERVICE, candidate, dataset)
    outcome = decide(registry, SERVICE, version, dataset)
    card = registry.read_file(version, "model_card.md").decode()
    assert all(sentence in card for sentence in outcome.sentences)
    assert version.digest in card


def test_without_a_champion_there_is_nothing_to_judge_against(candidate: Candidate, dataset: Dataset) -> None:
    registry = MemoryRegistry()
    version = register(registry, SERVICE, candidate, dataset)
    with pytest.raises(UnknownModel, match="oo bootstrap"):
        decide(registry, SERVICE, version, dataset)


def test_a_champion_of_other_columns_is_beaten_by_knowing_something(candidate: Candidate, dataset: Dataset) -> None:
    registry = MemoryRegistry()
    fewer = FeatureService(name="digits@1", model="digits", columns=SERVICE.columns[:3])
    bootstrap(registry, fewer)
    version = register(registry, SERVICE, candidate, dataset)
    assert decide(registry, SERVICE, version, dataset).promoted


def test_an_outcome_travels_as_json(registry: MemoryRegistry, candidate: Candidate, dataset: Dataset) -> None:
    outcome = decide(registry, SERVICE, register(registry, SERVICE, candidate, dataset), dataset)
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_a_decision_leads_to_the_models_that_were_fitted_on_it(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    first, second = (register(registry, SERVICE, candidate, dataset) for _ in range(2))
    ids = dataset.decisions["decision_id"].to_pylist()
    assert models_trained_on(registry, "digits", ids[0]) == [first, second]
    assert models_trained_on(registry, "digits", ids[-1]) == []
    assert models_trained_on(registry, "digits", "unheard of") == []
