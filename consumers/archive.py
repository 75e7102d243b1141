"""`python -m consumers.archive`: keeps every event in the offline store."""

import asyncio
from collections.abc import Sequence

from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.handling import Apply
from oo.errors import OfflineStoreFailed, SinkUnavailable
from oo.events.envelope import Envelope
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.settings import ArchiveSettings, read
from oo.wiring.archive import run


def keeping(store: OfflineStore) -> Apply:
    """Append the events; while the store fails, they wait."""

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        rows = [Archived.of(delivery, envelope) for delivery, envelope in events]
        try:
            await asyncio.to_thread(store.append, rows)
        except OfflineStoreFailed as error:
            if isinstance(error.__cause__, ValueError | TypeError):  # what the rows hold, which waiting does not change
                raise
            raise SinkUnavailable(str(error)) from error
        return [Acknowledge()] * len(events)

    return apply


if __name__ == "__main__":
    asyncio.run(run(read(ArchiveSettings), keeping))
