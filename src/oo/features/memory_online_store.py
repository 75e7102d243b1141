from collections.abc import Mapping

from oo.errors import OnlineStoreUnavailable
from oo.features.online_store import Change, Person
from oo.features.user_state import UserState


class MemoryOnlineStore:
    """The online store of tests and rehearsals: documents in this process, as the bytes that a real one would hold."""

    def __init__(self) -> None:
        self._documents: dict[Person, bytes] = {}

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """As in `OnlineStore`."""
        document = self._documents.get((tenant_id, user_id))
        return None if document is None else UserState.from_json(document)

    async def forget(self, tenant_id: str, user_id: str) -> None:
        """As in `OnlineStore`."""
        self._documents.pop((tenant_id, user_id), None)

    async def update(self, changes: Mapping[Person, Change]) -> Mapping[Person, OnlineStoreUnavailable]:
        """As in `OnlineStore`; one step of the event loop, so nobody comes in between."""
        for person, change in changes.items():
            before = await self.get(*person) or UserState()
            after = change(before)
            if after != before:
                self._documents[person] = after.to_json()
        return {}
