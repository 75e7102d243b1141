import json
from datetime import UTC, datetime
from math import nan

import pytest

from oo.cards.card import SECTIONS, Card
from oo.cards.facts import ModelFacts
from oo.errors import InvalidModel
from oo.registry.history import Recorded, Subject, Transition
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import ALIASES, CHAMPION, ModelVersion
from oo.training.candidate import Candidate
from oo.training.dataset import Dataset
from oo.training.lineage import models_trained_on
from oo.training.prior import bootstrap, prior
from oo.training.registration import MANIFEST, MODEL_CARD, VERDICT, facts, register, write_card
from oo.training.report import Calibration, Report
from oo.training.verdict import GateResult, Outcome, Verdict
from tests.training_data import SERVICE, digit_dataset

REPORT = Report(
    "boosting",
    {"boosting": 0.3},
    100,
    1e-7,
    seed=1,
    parameters={"depth": 3},
    searched_rows=450,
    calibration=Calibration("none", 1.0, 0.0, 90, 30, 0.31, 0.32, 0.02, 0.03),
)
BETTER = GateResult("log loss", passed=True, sentence="It is better.", figures={"gain": 0.02})
WORSE = GateResult("log loss", passed=False, sentence="It is worse.", figures={"gain": nan})
PASSED, REFUSED = Verdict(champion=1, reasons=(BETTER,)), Verdict(champion=1, reasons=(WORSE,))
WORDS = "".join(f"## {section}\n\nSaid.\n\n" for section in SECTIONS)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return digit_dataset(600)


@pytest.fixture
def candidate() -> Candidate:
    return Candidate(prior(SERVICE) + b" ", REPORT)


@pytest.fixture
def registry() -> MemoryRegistry:
    registry = MemoryRegistry()
    bootstrap(registry, SERVICE)
    return registry


def card_of(registry: MemoryRegistry, version: ModelVersion) -> tuple[Card, ModelFacts]:
    card = Card.parse(registry.read_file(version, MODEL_CARD).decode())
    assert isinstance(card.facts, ModelFacts)
    return card, card.facts


def test_a_version_is_registered_with_what_it_was_made_of_and_gets_no_alias(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    before = {alias: registry.by_alias("digits", alias) for alias in ALIASES}
    version = register(registry, SERVICE, candidate, dataset, PASSED, WORDS)
    assert registry.load(version) == candidate.onnx
    manifest = json.loads(registry.read_file(version, MANIFEST))
    assert manifest["dataset"]["rows"] == 600
    assert manifest["fit"]["recipe"] == "boosting"
    assert Verdict.model_validate_json(registry.read_file(version, VERDICT)) == PASSED
    assert registry.tags(version)["gates"] == "passed"
    assert {alias: registry.by_alias("digits", alias) for alias in ALIASES} == before


def test_its_card_has_the_facts_within_what_people_wrote(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset, PASSED, WORDS)
    card, told = card_of(registry, version)
    assert card.faults(facts(version, SERVICE, registry.read_file(version, MANIFEST).decode(), PASSED)) == ()
    assert (told.version, told.digest, told.checks[0].sentence) == (version.version, version.digest, "It is better.")


def test_of_a_model_of_which_nobody_wrote_anything_the_card_says_so(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset, REFUSED, "")
    card, told = card_of(registry, version)
    assert len(card.missing()) == len(SECTIONS)
    assert told.checks[0].figures == {"gain": None}
    assert registry.tags(version)["gates"] == "refused"


def test_the_same_again_is_the_same_version_with_the_newer_verdict(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset, REFUSED, WORDS)
    assert register(registry, SERVICE, candidate, dataset, PASSED, WORDS) == version
    assert Verdict.model_validate_json(registry.read_file(version, VERDICT)) == PASSED


def test_the_same_again_keeps_what_its_card_tells_of_its_rollout(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset, PASSED, WORDS)
    told = Transition(
        subject=Subject(kind="model", name="digits"),
        version=str(version.version),
        stage="challenger",
        champion="1",
        at=datetime(2026, 11, 1, tzinfo=UTC),
        who="ada",
        why="It passed.",
    )
    write_card(registry, SERVICE, version, WORDS, [Recorded(sequence=1, transition=told)])
    register(registry, SERVICE, candidate, dataset, PASSED, WORDS)
    _, kept = card_of(registry, version)
    assert [step.why for step in kept.rollout] == ["It passed."]


def test_the_verdict_of_what_serves_stays_as_it_was_when_it_came(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    version = register(registry, SERVICE, candidate, dataset, PASSED, WORDS)
    registry.set_alias("digits", CHAMPION, version.version)
    before = {name: registry.read_file(version, name) for name in (VERDICT, MODEL_CARD)}
    assert register(registry, SERVICE, candidate, dataset, REFUSED, "") == version
    assert {name: registry.read_file(version, name) for name in (VERDICT, MODEL_CARD)} == before


@pytest.mark.parametrize("manifest", ["", "{}", '{"dataset": {}}'])
def test_a_manifest_that_is_none_is_told(manifest: str) -> None:
    version = ModelVersion("digits", 2, "d" * 64, "digits@1", SERVICE.digest)
    with pytest.raises(InvalidModel, match=r"digits 2: its manifest\.json cannot be read"):
        facts(version, SERVICE, manifest, PASSED)


def test_an_outcome_travels_as_json_with_figures_that_are_none(registry: MemoryRegistry) -> None:
    version = registry.versions("digits")[0]
    outcome = Outcome(challenger=version, verdict=REFUSED, proposed=False, said="It is refused.")
    told = Outcome.model_validate_json(outcome.model_dump_json())
    assert told.sentences == ("no: It is worse.", "It is refused.")


def test_a_decision_leads_to_the_models_that_were_fitted_on_it(
    registry: MemoryRegistry, candidate: Candidate, dataset: Dataset
) -> None:
    first = register(registry, SERVICE, candidate, dataset, PASSED, "")
    second = register(registry, SERVICE, Candidate(prior(SERVICE), REPORT), dataset, PASSED, "")
    ids = dataset.decisions["decision_id"].to_pylist()
    assert models_trained_on(registry, "digits", ids[0]) == [first, second]
    assert models_trained_on(registry, "digits", ids[-1]) == []
    assert models_trained_on(registry, "digits", "unheard of") == []
