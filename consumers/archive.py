"""`python -m consumers.archive`: keeps every event in the offline store."""

import asyncio
from collections.abc import Sequence

from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.handling import Apply
from oo.events.envelope import Envelope
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.settings import ArchiveSettings, read
from oo.wiring.archive import run


def keeping(store: OfflineStore) -> Apply:
    """Append the events; a failing store sends them round again."""

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        await asyncio.to_thread(store.append, [Archived.of(delivery, envelope) for delivery, envelope in events])
        return [Acknowledge()] * len(events)

    return apply


if __name__ == "__main__":
    asyncio.run(run(read(ArchiveSettings), keeping))
