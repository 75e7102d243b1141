from collections.abc import AsyncIterator, Sequence

from oo.errors import BusUnreachable
from oo.events.subjects import StreamName
from oo.offline.continuity import Continuity, verify
from oo.offline.store import OfflineStore
from oo.settings import PipelineSettings
from oo.wiring.process import connected


async def verified(settings: PipelineSettings, streams: Sequence[StreamName]) -> AsyncIterator[Continuity]:
    """What `verify` finds of each stream; without a server, what the table alone tells.

    Raises:
        OfflineStoreFailed: there is no table yet, or it cannot be read.
        BusUnreachable: the server went away meanwhile, or has no archive.
    """
    store = OfflineStore(settings.offline_store)
    try:
        connection = await connected(settings, "oo-verify")
    except BusUnreachable:
        connection = None
    try:
        for stream in streams:
            yield await verify(connection.jetstream() if connection else None, store, stream)
    finally:
        if connection is not None:
            await connection.close()
