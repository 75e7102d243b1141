"""The tips that were written ahead for the person."""

from oo.bus.tombstones import Person
from oo.erasure.place import Found, Progress
from oo.writing.tip_cache import TipCache


class KeptTips:
    """What the cache holds of one person: the newest are a few hours old and written again when they are missing."""

    name = "written tips"

    def __init__(self, cache: TipCache, person: Person) -> None:
        self._cache = cache
        self._person = person

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        person = (self._person.tenant_id, self._person.user_id)
        found = await self._cache.count(*person)
        if found and remove:
            await self._cache.forget(*person)
        progress(1, 1)
        return Found(found, found if remove else 0)
