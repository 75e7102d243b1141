"""Seeing each message out by its door."""

import asyncio
import logging
from collections.abc import Sequence
from random import Random

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus.burial import MAX_DELIVERIES, bury_any
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject, RetryAfter
from oo.events.subjects import Durable, dead_letter_subject
from oo.telemetry import DELIVERIES

_log = logging.getLogger(__name__)

DEAD_LETTER_RETRY = 10.0
"""Seconds after which a message comes again that the dead letters did not take."""
SPREAD = 1.5
"""Retries come up to so many times later than asked, so that what left together does not come back together."""


class Doorkeeper:
    """Tells the server how a message of this durable has left, after what that promises has been done."""

    def __init__(self, js: JetStreamContext, durable: Durable, jitter: Random) -> None:
        self._js = js
        self._durable = durable
        self._jitter = jitter

    def is_last(self, delivery: Delivery) -> bool:
        """Whether the server will not deliver it once more, so that it must leave for good now."""
        return delivery.delivered >= self._durable.max_deliver > 0

    async def see_out_all(self, messages: Sequence[Msg], deliveries: Sequence[Delivery], doors: Sequence[Door]) -> None:
        """See them out together: to bury takes an answer of the server, for which the others do not wait.

        Never raises: what could not leave comes again.
        """
        others = []
        acknowledged = 0
        try:
            for message, delivery, door in zip(messages, deliveries, doors, strict=True):
                if isinstance(door, Acknowledge):  # no more than a line in the connection's buffer, not worth a task
                    await message.ack()
                    acknowledged += 1
                else:
                    others.append(self._see_out(message, delivery, self._final(delivery, door)))
        except NatsError as error:
            lost = {"durable": self._durable.name, "messages": len(messages) - acknowledged, "error": repr(error)}
            _log.warning("left by no door, they will come again", extra=lost)
        self._count(Acknowledge, acknowledged)
        await asyncio.gather(*others)

    async def _see_out(self, message: Msg, delivery: Delivery, door: RetryAfter | Reject) -> None:
        named = {"durable": self._durable.name, "stream": delivery.stream, "sequence": delivery.sequence}
        try:
            match door:
                case RetryAfter(seconds, reason):
                    _log.info("retry", extra=named | {"seconds": seconds, "reason": reason})
                    await message.nak(seconds * self._jitter.uniform(1, SPREAD))
                case Reject(reason, error):
                    _log.warning("rejected", extra=named | {"reason": reason, "error": error})
                    await self._bury(message, delivery, door)
        except NatsError as error:
            _log.warning("left by no door, it will come again", extra=named | {"error": repr(error)})
        else:
            self._count(type(door), 1)

    def _count(self, door: type[Door], deliveries: int) -> None:
        DELIVERIES.labels(self._durable.consumer, door.__name__).inc(deliveries)

    def _final(self, delivery: Delivery, door: RetryAfter | Reject) -> RetryAfter | Reject:
        """The door, but for the last try: the delivery after it is no try but the way to the dead letters."""
        if isinstance(door, RetryAfter) and delivery.delivered + 1 >= self._durable.max_deliver > 0:
            return Reject(MAX_DELIVERIES, f"{delivery.delivered} tries, the last: {door.reason}", door.exception)
        return door

    async def _bury(self, message: Msg, delivery: Delivery, reject: Reject) -> None:
        try:
            await bury_any(self._js, self._durable.consumer, delivery, reject)
        except NatsError:
            subject = dead_letter_subject(self._durable.consumer)
            _log.error(
                "not acknowledged by the dead letters, the original stays; is stream DLQ there, with room, and may this"
                " user publish there?",
                extra={"durable": self._durable.name, "subject": subject},
            )
            await message.nak(DEAD_LETTER_RETRY * self._jitter.uniform(1, SPREAD))
            raise
        await message.term()
