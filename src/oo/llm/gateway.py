"""The language model, as the rest of oO sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. Only `system` instructs."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What a language model is asked."""

    messages: tuple[Message, ...]
    """The conversation, oldest turn first."""
    schema: Mapping[str, JsonValue]
    """The JSON Schema of the answer, which is one JSON object."""
    max_tokens: int
    """The longest answer."""
    temperature: float
    """How freely words are drawn, 0 to 2."""
    seed: int
    """For the draw of the words: a model that heeds it gives the same answer to the same request."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call may take at most, as far as that is known before it."""

    prompt_tokens: int
    """By the model's own tokenizer, or by one that stands in for it."""
    cost_usd: float
    """The price of that prompt and of the longest answer, in US dollars, for all models that may be asked: one that is
    given up may be billed too."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a language model answered, and what that took."""

    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    """The price of the call in US dollars, with what models that were given up before may have cost."""


class Gateway(Protocol):
    """Where completions come from."""

    def quote(self, request: CompletionRequest) -> Quote:
        """What the call may take at most. Asks nobody."""
        ...

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # the provider is told too, and ends its own work
    ) -> Completion:
        """The model's answer, of which no more is read than the request allows.

        Args:
            request: what is asked.
            timeout: seconds that the answer may take, stand-ins included.

        Raises:
            GatewayTimedOut: there was no answer in time.
            CompletionTooLong: the model went on past `max_tokens`.
            AnswerLost: a model had begun an answer, which may be billed, and there is none.
            GatewayFailed: there was no answer.
        """
        ...
