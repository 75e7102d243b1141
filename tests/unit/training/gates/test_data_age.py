from dataclasses import replace
from datetime import UTC, datetime, timedelta

from oo.training.dataset import Dataset
from oo.training.evidence import Entrant
from oo.training.gates.data_age import DataAge
from oo.training.gates.gate import Evidence
from tests.training_data import START
from tests.unit.training.gates.court import Court, refusals


def known(dataset: Dataset, as_of: datetime) -> Dataset:
    return Dataset(dataset.decisions, dataset.rows, replace(dataset.manifest, as_of=as_of.astimezone(UTC).isoformat()))


def test_a_challenger_of_last_week_is_refused_however_good_it_is(court: Court, better: Entrant) -> None:
    old = replace(court, dataset=known(court.dataset, START + timedelta(days=8)))
    (refused,) = refusals(old.evidence(better))
    assert refused.name == "data age"
    assert "7.98 days old" in refused.sentence
    assert "older than 7 days" in refused.sentence


def test_decisions_of_the_future_are_refused(evidence: Evidence) -> None:
    result = DataAge().judge(replace(evidence, dataset=known(evidence.dataset, START)))
    assert not result.passed
    assert "knows its own future" in result.sentence


def test_exactly_a_week_is_not_too_old(evidence: Evidence) -> None:
    newest = evidence.dataset.decisions["decided_at"][-1].as_py()
    assert DataAge().judge(replace(evidence, dataset=known(evidence.dataset, newest + timedelta(days=7)))).passed
