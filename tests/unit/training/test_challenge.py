import numpy as np
import pytest

from oo.errors import UnknownModel
from oo.features.services import FeatureService
from oo.registry.memory_registry import MemoryRegistry
from oo.training.candidate import Candidate
from oo.training.challenge import judge
from oo.training.dataset import Dataset
from oo.training.export import to_onnx
from oo.training.prior import bootstrap, prior
from oo.training.report import Report
from tests.training_data import SERVICE, digit_dataset
from tests.unit.training.gates.court import known_a_day_later, logistic


def report(parity_difference: float = 1e-7) -> Report:
    return Report("boosting", {"boosting": 0.3, "forest": 0.4}, 100, parity_difference, seed=1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Rows of whose reward their first pixel tells much, so that a small model learns it at once."""
    dataset = digit_dataset(600)
    rows = np.zeros_like(dataset.rows)
    rows[:, :2] = np.random.default_rng(2).normal(size=(600, 2))
    rows[:, 0] += 2 * dataset.rewards
    return known_a_day_later(Dataset(dataset.decisions, rows, dataset.manifest))


@pytest.fixture(scope="module")
def candidate(dataset: Dataset) -> Candidate:
    fitted = logistic(dataset.rows[dataset.fitted], dataset.rewards[dataset.fitted], strength=1)
    return Candidate(to_onnx(fitted, SERVICE), report())


@pytest.fixture
def registry() -> MemoryRegistry:
    registry = MemoryRegistry()
    bootstrap(registry, SERVICE)
    return registry


def test_a_better_candidate_passes_against_the_champion(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    verdict = judge(registry, SERVICE, candidate, dataset)
    assert verdict.passed, verdict.sentences
    assert verdict.champion == 1


def test_a_candidate_that_knows_no_more_is_refused_in_words(registry: MemoryRegistry, dataset: Dataset) -> None:
    verdict = judge(registry, SERVICE, Candidate(prior(SERVICE), report()), dataset)
    assert not verdict.passed
    assert any(sentence.startswith("no: ") and "inconclusive" in sentence for sentence in verdict.sentences)


def test_a_broken_export_is_refused_however_good_it_is(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    broken = Candidate(candidate.onnx, report(parity_difference=0.2))
    assert not judge(registry, SERVICE, broken, dataset).passed


def test_a_candidate_of_other_columns_than_the_catalog_declares_now_is_refused_in_words(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    fewer = FeatureService(name="digits@2", model="digits", columns=SERVICE.columns[:3])
    verdict = judge(registry, fewer, candidate, dataset)
    assert not verdict.passed
    assert any("other columns than the catalog declares" in sentence for sentence in verdict.sentences)


def test_nobody_may_be_worse_off_by_a_column_that_the_card_names(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    """Where the second pixel is above its median the first one is turned around: half of all people lose."""
    rows = dataset.rows.copy()
    half = rows[:, 1] > np.median(rows[dataset.holdout, 1])
    rows[half, 0] = 2 - rows[half, 0]
    turned = Dataset(dataset.decisions, rows, dataset.manifest)
    verdict = judge(registry, SERVICE, candidate, turned, named=("context.pixel_01",))
    assert not verdict.passed
    (worse,) = (reason for reason in verdict.reasons if reason.name == "segment floor")
    assert not worse.passed
    assert "context.pixel_01 above" in worse.sentence
    assert "context.pixel_01 up to" not in worse.sentence


def test_without_a_champion_there_is_nothing_to_judge_against(candidate: Candidate, dataset: Dataset) -> None:
    with pytest.raises(UnknownModel, match="oo bootstrap"):
        judge(MemoryRegistry(), SERVICE, candidate, dataset)


def test_a_champion_of_other_columns_is_beaten_by_knowing_something(candidate: Candidate, dataset: Dataset) -> None:
    registry = MemoryRegistry()
    bootstrap(registry, FeatureService(name="digits@1", model="digits", columns=SERVICE.columns[:3]))
    assert judge(registry, SERVICE, candidate, dataset).passed
