import pytest

from oo.training.evidence import Entrant
from oo.training.gates.gate import Evidence
from tests.unit.training.gates.court import Court, court_of, dataset_of_digits, entrant, logistic


@pytest.fixture(scope="session")
def court() -> Court:
    return court_of(dataset_of_digits())


@pytest.fixture(scope="session")
def better(court: Court) -> Entrant:
    """What a challenger should be."""
    return entrant(logistic(*court.fitted))


@pytest.fixture(scope="session")
def evidence(court: Court, better: Entrant) -> Evidence:
    return court.evidence(better)
