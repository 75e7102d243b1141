"""What one call of a language model may take. The caps are ours and hold whatever a provider or library does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from oo.errors import GatewayTimedOut, PromptTooLong
from oo.llm.gateway import Completion, Gateway, Message


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one call may take."""

    seconds: float
    """Wall time, fallbacks included."""
    prompt_chars: int
    """Characters of all messages together: known before the call, where tokens are the provider's secret."""
    completion_tokens: int
    """Tokens of the answer; a prompt may ask for fewer."""


@dataclass(frozen=True, slots=True)
class CappedGateway:
    """A gateway that is never asked for more than the caps."""

    gateway: Gateway
    caps: Caps

    async def complete(self, messages: Sequence[Message], *, max_tokens: int, temperature: float) -> Completion:
        """The answer to `messages`, within the caps; arguments as in `Gateway.complete`.

        Raises:
            PromptTooLong: the prompt is over the cap; no model was asked.
            GatewayTimedOut: there was no answer in time.
            GatewayFailed: there was no answer.
        """
        size = sum(len(message.content) for message in messages)
        if size > self.caps.prompt_chars:
            raise PromptTooLong(f"the prompt has {size} characters, over the cap of {self.caps.prompt_chars}")
        try:
            async with asyncio.timeout(self.caps.seconds):
                return await self.gateway.complete(
                    messages,
                    max_tokens=min(max_tokens, self.caps.completion_tokens),
                    temperature=temperature,
                    timeout=self.caps.seconds,
                )
        except TimeoutError as error:
            raise GatewayTimedOut(f"the language model took over {self.caps.seconds:g} s") from error
