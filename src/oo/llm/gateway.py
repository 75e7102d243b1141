"""The language model, as the rest of oO sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. Only `system` instructs."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model answered, and what that took."""

    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """The price of the call in US dollars, None when no price is known."""


class Gateway(Protocol):
    """Where completions come from."""

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        timeout: float,  # noqa: ASYNC109  # the provider is told too, and ends its own work
    ) -> Completion:
        """The answer to `messages`, asked for as a JSON object.

        Args:
            messages: the conversation, oldest turn first.
            max_tokens: the longest answer.
            temperature: how freely words are drawn, 0 to 2.
            timeout: seconds that the model may take, with all its fallbacks.

        Raises:
            GatewayTimedOut: there was no answer in time.
            GatewayFailed: there was no answer.
        """
        ...
