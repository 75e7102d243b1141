from collections.abc import Callable

from oo.features.user_state import UserState


class MemoryOnlineStore:
    """The online store of tests and rehearsals: documents in this process, as the bytes that a real one would hold."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], bytes] = {}

    async def get(self, tenant_id: str, user_id: str) -> UserState | None:
        """As in `OnlineStore`."""
        document = self._documents.get((tenant_id, user_id))
        return None if document is None else UserState.from_json(document)

    async def update(self, tenant_id: str, user_id: str, change: Callable[[UserState], UserState]) -> None:
        """As in `OnlineStore`; one step of the event loop, so nobody comes in between."""
        before = await self.get(tenant_id, user_id) or UserState()
        after = change(before)
        if after != before:
            self._documents[tenant_id, user_id] = after.to_json()
