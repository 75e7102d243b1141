import pytest

from tests.contract.descriptors import Contract, ours


@pytest.fixture
def contract() -> Contract:
    """The proto files of this project."""
    return ours()
