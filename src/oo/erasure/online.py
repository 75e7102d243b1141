"""The person's document in the online store."""

from datetime import datetime

from oo.bus.tombstones import Person
from oo.erasure.place import Found, Progress
from oo.features.facts import milliseconds
from oo.features.online_store import OnlineStore


class Document:
    """What the signals were folded into; one that holds only facts of later is none of what has to go.

    Args:
        store: where it is.
        person: whose.
        until: of the facts, included.
    """

    name = "online store"

    def __init__(self, store: OnlineStore, person: Person, until: datetime) -> None:
        self._store = store
        self._person = person
        self._until = milliseconds(until)

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        tenant_id, user_id = self._person.tenant_id, self._person.user_id
        state = await self._store.get(tenant_id, user_id)
        moments = [] if state is None else [fact[0] for facts in state.families.values() for fact in facts]
        found = state is not None and min(moments, default=self._until) <= self._until
        if found and remove:
            await self._store.forget(tenant_id, user_id)
        progress(1, 1)
        return Found(int(found), int(found and remove))
