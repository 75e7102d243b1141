from dataclasses import replace

import pytest

from oo.features.services import FeatureService
from oo.training.gates import GATES
from oo.training.gates.gate import Contender, Evidence, judge
from oo.training.prior import prior
from oo.training.verdict import Verdict
from tests.training_data import SERVICE
from tests.unit.training.gates.court import Court, dataset_of_digits, entrant, known_a_day_later, logistic, refusals


def test_a_better_challenger_passes_every_gate(evidence: Evidence) -> None:
    reasons = judge(evidence, GATES)
    assert not [reason.sentence for reason in reasons if not reason.passed]
    assert [reason.name for reason in reasons] == [
        "same columns",
        "parity",
        "data age",
        "sample size",
        "leakage",
        "base rate",
        "log loss",
        "AUC",
        "calibration",
        "segment floor",
        "latency",
        "size",
    ]


def test_the_same_model_again_is_refused_as_inconclusive(court: Court) -> None:
    refused = refusals(court.evidence(court.champion))
    assert {"log loss", "AUC"} <= {reason.name for reason in refused}
    assert all("inconclusive" in reason.sentence for reason in refused if reason.name in {"log loss", "AUC"})


def test_no_gates_at_all_let_nothing_pass(evidence: Evidence) -> None:
    assert not Verdict(champion=1, reasons=judge(evidence, ())).passed


@pytest.mark.parametrize("contender", ["challenger", "champion"])
def test_a_model_that_cannot_read_the_rows_is_refused_in_words_not_by_a_crash(court: Court, contender: str) -> None:
    fewer = FeatureService(name="digits@2", model="digits", columns=SERVICE.columns[:3])
    short = replace(court.champion, onnx=prior(fewer))
    better = entrant(logistic(*court.fitted))
    changed = court.evidence(short) if contender == "challenger" else replace(court, champion=short).evidence(better)
    refused = {reason.name: reason.sentence for reason in refusals(changed)}
    assert {"log loss", "AUC", "segment floor", "latency"} <= set(refused)
    assert "could not be timed" in refused["latency"]


def test_an_empty_dataset_is_refused_in_words_not_by_a_crash(evidence: Evidence) -> None:
    dataset = known_a_day_later(dataset_of_digits(0))
    nobody = Contender(SERVICE.digest, b"", dataset.rewards, dataset.rewards)
    empty = replace(evidence, dataset=dataset, challenger=nobody, champion=nobody, segments={})
    refused = {reason.name for reason in refusals(empty)}
    assert refused == {reason.name for reason in judge(empty, GATES)} - {"same columns", "parity", "size"}
