import asyncio
from collections.abc import Sequence

import pytest

from oo.errors import GatewayTimedOut, PromptTooLong
from oo.llm.budget import CappedGateway, Caps
from oo.llm.gateway import Completion, Message

CAPS = Caps(seconds=5, prompt_chars=10, completion_tokens=100)
MESSAGES = (Message("system", "12345"), Message("user", "12345"))


class EchoGateway:
    """Answers with what it was asked for."""

    def __init__(self) -> None:
        self.asked = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        timeout: float,  # noqa: ASYNC109  # the port's signature
    ) -> Completion:
        self.asked += 1
        return Completion(f"{len(messages)} {temperature} {timeout}", "echo", 1, max_tokens, None)


class SilentGateway(EchoGateway):
    """Never answers, whatever time it was told to keep."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        timeout: float,  # noqa: ASYNC109  # the port's signature
    ) -> Completion:
        await asyncio.Event().wait()
        return await super().complete(messages, max_tokens=max_tokens, temperature=temperature, timeout=timeout)


async def test_a_call_within_the_caps_goes_through_as_it_is() -> None:
    completion = await CappedGateway(EchoGateway(), CAPS).complete(MESSAGES, max_tokens=20, temperature=0.5)

    assert completion == Completion("2 0.5 5", "echo", 1, 20, None)


async def test_no_more_tokens_are_asked_for_than_the_cap() -> None:
    completion = await CappedGateway(EchoGateway(), CAPS).complete(MESSAGES, max_tokens=5_000, temperature=0.5)

    assert completion.completion_tokens == 100


async def test_a_prompt_over_the_cap_is_not_sent() -> None:
    gateway = EchoGateway()

    with pytest.raises(PromptTooLong, match="11 characters, over the cap of 10"):
        await CappedGateway(gateway, CAPS).complete((*MESSAGES, Message("user", "6")), max_tokens=20, temperature=0.5)

    assert gateway.asked == 0


async def test_a_gateway_that_keeps_no_time_is_cut_off() -> None:
    capped = CappedGateway(SilentGateway(), Caps(seconds=0.01, prompt_chars=10, completion_tokens=100))

    with pytest.raises(GatewayTimedOut, match=r"over 0\.01 s"):
        await capped.complete(MESSAGES, max_tokens=20, temperature=0.5)
