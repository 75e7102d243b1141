from collections.abc import Callable
from typing import Protocol

from oo.features.user_state import UserState


class OnlineStore(Protocol):
    """Holds one document a person: written by the signals consumer, read once by each request."""

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """The person's state, None when nothing was ever stored.

        Raises:
            OnlineStoreUnavailable: the store gave no usable answer.
        """
        ...

    async def update(self, tenant_id: str, user_id: str, change: Callable[[UserState], UserState]) -> None:
        """Put what `change` makes of the person's state in its place; of several at once, none is lost.

        Args:
            tenant_id: the tenant that the person belongs to.
            user_id: the person, any text.
            change: a pure function; it may be called again when another writer came first. A person who is not known
                begins as an empty state. Nothing is written when it changes nothing.

        Raises:
            OnlineStoreUnavailable: the store gave no usable answer; whether it was written is not known.
        """
        ...
