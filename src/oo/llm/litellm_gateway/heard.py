import asyncio
from contextlib import aclosing
from typing import Any

from litellm import CustomStreamWrapper, ModelResponse
from litellm.litellm_core_utils.hidden_params import get_hidden_params

from oo.errors import CompletionTooLong
from oo.llm.litellm_gateway.tokens import DENSEST, SPARSEST, tokens

# Tokens that no prompt has: who tells so many is not believed.
_IMPOSSIBLE = 2**31
# How much our count may be over theirs: a text has more tokens by one tokenizer than by another.
_LENIENCE = 2


class Heard:
    """What a model has said so far, and no more of it than it may say.

    Args:
        asked: the model's name.
        most: tokens.
    """

    def __init__(self, asked: str, most: int) -> None:
        self.text = ""
        self.model: str | None = None
        """What the provider calls it; None when it does not say."""
        self.prompt_tokens = 0
        """As the provider counts; 0 when it does not say."""
        self.completion_tokens = 0
        """The same."""
        self._asked = asked
        self._most = most
        self._bound = most * _LENIENCE
        self._all = ""
        self._harmless = self._bound // DENSEST

    async def hear(self, response: CustomStreamWrapper | ModelResponse) -> None:
        """All of `response`.

        Raises:
            CompletionTooLong: there is more of it than may be; the connection is closed.
        """
        if isinstance(response, ModelResponse):
            self._about(response)
            for choice in response.choices[:1]:
                self._add(choice.message)
            return
        try:
            async with aclosing(response):
                async for chunk in response:
                    for choice in chunk.choices[:1]:
                        self._add(choice.delta)
                    if getattr(chunk, "usage", None):
                        # That of the whole, told or LiteLLM's guess. What follows is LiteLLM's own bookkeeping.
                        break
                    # What has arrived already is read without a wait, at a millisecond of work a chunk: without this
                    # one, no clock would ring meanwhile, and no other request would go on.
                    await asyncio.sleep(0)
            for chunk in response.chunks:
                self._about(chunk)
        finally:
            # LiteLLM keeps them in a cycle: of an answer without an end, more than the collector frees at a stretch.
            response.chunks.clear()

    def counted(self) -> int:
        """Tokens by our tokenizer."""
        return tokens(self._all)

    def too_long(self) -> CompletionTooLong:
        """The error of an answer that goes on."""
        return CompletionTooLong(f"{self._asked} went on past {self._most} tokens")

    def _about(self, part: Any) -> None:  # noqa: ANN401  # LiteLLM adds `usage` to some of its parts only
        told = (get_hidden_params(part) or {}).get("provider_response_model")
        self.model = told if isinstance(told, str) else self.model
        if usage := getattr(part, "usage", None):
            self.prompt_tokens = usage.prompt_tokens if 0 < usage.prompt_tokens < _IMPOSSIBLE else 0
            self.completion_tokens = max(usage.completion_tokens, 0)

    def _add(self, words: Any) -> None:  # noqa: ANN401  # a message or a delta of one, which have no common type
        self.text += words.content or ""
        # Thoughts are paid for as well, and may be as endless.
        self._all += (getattr(words, "reasoning_content", None) or "") + (words.content or "")
        size = len(self._all)
        if size > self._harmless:
            # What is longer than any prose of so many tokens is not worth counting.
            if size > SPARSEST * self._bound:
                raise self.too_long()
            left = self._bound - self.counted()
            if left < 0:
                raise self.too_long()
            self._harmless = size + left // DENSEST
