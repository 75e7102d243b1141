import pytest

from oo.llm.guardrails import Guardrails


@pytest.fixture(scope="session")
def guardrails() -> Guardrails:
    """The rules that come with oO; loading takes a second and changes nothing."""
    return Guardrails.load()
