from collections.abc import Callable, Mapping
from typing import Protocol

from oo.errors import OnlineStoreUnavailable
from oo.features.user_state import UserState

Person = tuple[str, str]
"""The tenant that the person belongs to, and the person: any text both."""
Change = Callable[[UserState], UserState]
"""A pure function. A person who is not known begins as an empty state."""


class OnlineStore(Protocol):
    """Holds one document a person: written by the signals consumer, read once by each request."""

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """The person's state, None when nothing was ever stored.

        Raises:
            OnlineStoreUnavailable: the store gave no usable answer.
        """
        ...

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """Delete the person's document, so that nothing was ever stored.

        Raises:
            OnlineStoreUnavailable: the store did not do it.
        """
        ...

    async def update(self, changes: Mapping[Person, Change]) -> Mapping[Person, OnlineStoreUnavailable]:
        """Put what each change makes of a person's state in its place; of several at once, none is lost.

        Args:
            changes: by person; a change may be called again when another writer came first. Nothing is written when
                it changes nothing.

        Returns:
            Those people about whom the store gave no usable answer, and why; whether theirs was written is not known.
        """
        ...
