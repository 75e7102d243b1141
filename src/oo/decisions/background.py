"""Work that an answer does not wait for."""

import asyncio
import logging
from collections.abc import Coroutine

from oo.errors import OOError
from oo.telemetry import BACKGROUND_DROPPED

_log = logging.getLogger(__name__)


class Background:
    """Tasks beside the requests, never more than `most` of them: what comes on top is dropped and counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[None, None, None]) -> bool:
        """Begin the work, unless too much is under way. A failure of its own kind is logged and forgotten."""
        if len(self._tasks) >= self._most:
            work.close()
            BACKGROUND_DROPPED.labels(name).inc()
            return False
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return True

    async def finish(self, seconds: float) -> None:
        """Wait for what is under way, at most so long; then end it."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OOError):
            _log.warning("%s failed: %s", task.get_name(), error)
        elif error is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)
