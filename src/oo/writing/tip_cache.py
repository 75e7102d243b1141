"""Tips that were written ahead, kept for a while for the person in the same state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oo.writing.tip import Tip


@dataclass(frozen=True, slots=True)
class Kept:
    """What a language model wrote for one person with one prompt."""

    state: str
    """Of the order that it was written for."""
    model: str
    tips: tuple[Tip, ...]
    written_at: datetime


class TipCache(Protocol):
    """Keeps the latest tips of each person and prompt."""

    async def get(self, tenant_id: str, user_id: str, prompt_hash: str) -> Kept | None:
        """What is kept, None when nothing is.

        Raises:
            TipCacheUnavailable: the cache gave no usable answer.
        """
        ...

    async def put(self, tenant_id: str, user_id: str, prompt_hash: str, kept: Kept) -> None:
        """Keep this instead of what was kept before.

        Raises:
            TipCacheUnavailable: it is not certain that it is kept.
        """
        ...

    async def count(self, tenant_id: str, user_id: str) -> int:
        """With how many prompts tips are kept of this person.

        Raises:
            TipCacheUnavailable: the cache gave no usable answer.
        """
        ...

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """Keep nothing of this person.

        Raises:
            TipCacheUnavailable: the cache did not do it.
        """
        ...


class MemoryTipCache:
    """The cache of tests and trials: in this process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, Kept]] = {}

    async def get(self, tenant_id: str, user_id: str, prompt_hash: str) -> Kept | None:
        """As in `TipCache`."""
        return self._kept.get((tenant_id, user_id), {}).get(prompt_hash)

    async def put(self, tenant_id: str, user_id: str, prompt_hash: str, kept: Kept) -> None:
        """As in `TipCache`."""
        self._kept.setdefault((tenant_id, user_id), {})[prompt_hash] = kept

    async def count(self, tenant_id: str, user_id: str) -> int:
        """As in `TipCache`."""
        return len(self._kept.get((tenant_id, user_id), {}))

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """As in `TipCache`."""
        self._kept.pop((tenant_id, user_id), None)
