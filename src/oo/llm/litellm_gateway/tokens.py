"""Counting the tokens of a text, by the tokenizer that LiteLLM brings along, whatever the model."""

from functools import lru_cache

import litellm

SPARSEST = 16
"""Characters a token, on average: more than any prose has."""
DENSEST = 4
"""Tokens a character at most: one of each of its bytes."""


def tokens(text: str) -> int:
    """How many there are. A provider with another tokenizer may count twice as many, or half."""
    count: int = litellm.token_counter(text=text)
    return count


known_tokens = lru_cache(maxsize=64)(tokens)
"""The same for texts that come again and again; a person's words do not, and are not kept."""
