from collections.abc import Callable

from oo.bus.handling import Apply
from oo.offline.store import OfflineStore
from oo.settings import ArchiveSettings
from oo.wiring.process import consume, on_the_bus


async def run(settings: ArchiveSettings, keeping: Callable[[OfflineStore], Apply]) -> None:
    """Archive every stream until the process is told to stop."""
    async with on_the_bus(settings, "oo-archive") as jetstream:
        # Every append is a commit and a file of the table, so it had better hold more than a message or two.
        # Of an erased person's event a blank row stays: a sequence without any would look lost.
        keep = keeping(OfflineStore(settings.offline_store))
        await consume(jetstream, "archive", keep, settings, fill_seconds=settings.batch_seconds, traces=True)
