"""How far a durable is behind, and whether it moves."""

import asyncio
import logging
from collections.abc import Callable
from typing import Never

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from oo.events.subjects import Durable
from oo.telemetry import LAG

_log = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0
STALL_SECONDS = 120.0
"""Messages that wait for so long, while none is delivered to anybody, are those of a durable that is stuck."""


class Lag:
    """Asks the server about a durable, also when no message comes.

    Args:
        js: where to ask.
        durable: about whom.
        waiting: whether the consumer waits for messages; while it has some in hand, others may well wait.
        clock: seconds that only move forward.
    """

    def __init__(
        self, js: JetStreamContext, durable: Durable, waiting: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self._js = js
        self._durable = durable
        self._waiting = waiting
        self._clock = clock
        self._delivered = -1
        self._moved_at = clock()
        self.stalled = False
        """Whether messages have been waiting for `STALL_SECONDS`, and nothing explains why none was delivered.

        Explanations are: the server does not answer, somebody paused the durable, a batch is in hand, a sink is down,
        or as many deliveries are under way as may be.
        """

    async def watch(self) -> Never:
        """Refresh for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Ask once."""
        try:
            info = await self._js.consumer_info(self._durable.stream, self._durable.name)
        except Exception as error:  # noqa: BLE001  # a watch that ended would pass for a durable that is stuck
            self._moved_at, self.stalled = self._clock(), False
            _log.debug("lag not known", extra={"durable": self._durable.name, "error": repr(error)})
            return
        LAG.labels(self._durable.name).set((info.num_pending or 0) + (info.num_ack_pending or 0))
        delivered = info.delivered.consumer_seq if info.delivered else 0
        if delivered != self._delivered or not self._deliverable(info) or not self._waiting():
            self._delivered, self._moved_at = delivered, self._clock()
        self.stalled = self._clock() - self._moved_at >= STALL_SECONDS

    @staticmethod
    def _deliverable(info: ConsumerInfo) -> bool:
        room = (info.num_ack_pending or 0) < (info.config.max_ack_pending or 1)
        return bool(info.num_pending) and room and not info.paused
