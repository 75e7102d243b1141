"""`python -m tests.integration.dying_archive`: the archive, dead between commit and acknowledgement."""

import asyncio
import os
import signal
from collections.abc import Sequence

from consumers.archive import keeping
from oo.bus.handling import Apply
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.settings import ArchiveSettings, read
from oo.wiring.archive import run


class DyingStore(OfflineStore):
    """Dies of what it has just done."""

    def append(self, rows: Sequence[Archived]) -> int:
        kept = super().append(rows)
        if kept:
            os.kill(os.getpid(), signal.SIGKILL)
        return kept


def main() -> None:
    settings = read(ArchiveSettings)

    def dying(_store: OfflineStore) -> Apply:
        return keeping(DyingStore(settings.offline_store))

    asyncio.run(run(settings, dying))


if __name__ == "__main__":
    main()
