import pytest

from oo.llm.gateway import Completion, Message
from oo.llm.guardrails import Limits, faults
from oo.llm.litellm_gateway import MOCK, LiteLLMGateway

# LiteLLM's own types, read by Pydantic at its first call.
pytestmark = pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier:UserWarning")


async def _complete(gateway: LiteLLMGateway) -> Completion:
    return await gateway.complete([Message("user", "Write one tip.")], max_tokens=200, temperature=0.7, timeout=10)


async def test_the_mock_writes_the_same_proper_tip_without_a_network() -> None:
    gateway = LiteLLMGateway([MOCK])

    first, second = await _complete(gateway), await _complete(gateway)
    gateway.close()

    assert first == second
    draft, found = faults(first.text, Limits(title=48, body=200), "")
    assert draft is not None
    assert found == ()
    assert first.model == MOCK


async def test_no_price_is_made_up_for_a_model_without_one() -> None:
    gateway = LiteLLMGateway([MOCK])

    completion = await _complete(gateway)
    gateway.close()

    assert completion.cost_usd is None


async def test_warming_up_the_mock_needs_no_network() -> None:
    gateway = LiteLLMGateway([MOCK])

    await gateway.warm()
    gateway.close()
