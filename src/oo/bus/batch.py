"""The messages that were fetched together: kept while they are in hand, handled in companies, given back on a stop."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from oo.bus.delivery import Delivery

COMPANY_DELIVERIES = 2
"""How often a message may have been delivered and still be handled together with others: one at which the handler
raises is soon alone and holds up nobody. After an outage that makes at most `streams.MAX_ACK_PENDING` small batches."""
ORDERED_DELIVERIES = 6
"""Up to which delivery those that are handled alone come forwards and backwards in turn."""


Company = Sequence[tuple[Msg, Delivery]]
"""Messages that are handled together, each with what it delivers."""


class Batch:
    """What is in hand.

    Args:
        messages: at least one, of one durable.
        keep_seconds: how often the server is asked for patience; a good deal less than the durable's ack wait.
    """

    def __init__(self, messages: Sequence[Msg], keep_seconds: float) -> None:
        self._messages = messages
        self._deliveries = [Delivery.of(message) for message in messages]
        self._keep_seconds = keep_seconds

    @property
    def redelivered(self) -> int:
        """How many of them have been delivered before."""
        return sum(delivery.delivered > 1 for delivery in self._deliveries)

    def companies(self, jitter: Random) -> Iterator[Company]:
        """The messages that are handled together, then each that has to be handled alone.

        One of those may kill the process each time, and who waits behind it is delivered in vain. So the order changes:
        forwards, then backwards, which brings everybody but the one in front of it; then any, should there be several.
        """
        together: list[tuple[Msg, Delivery]] = []
        alone: list[tuple[Msg, Delivery]] = []
        for each in zip(self._messages, self._deliveries, strict=True):
            (alone if is_suspect(each[1]) else together).append(each)
        if together:
            yield together
        tries = max((delivery.delivered for _, delivery in alone), default=0)
        if tries > ORDERED_DELIVERIES:
            jitter.shuffle(alone)
        elif tries % 2 == 0:
            alone.reverse()
        yield from ([each] for each in alone)

    @asynccontextmanager
    async def kept(self, behind: Collection[Msg]) -> AsyncIterator[None]:
        """Ask the server for patience, again and again, with those that have not left yet and those `behind` them."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self._keep_seconds)
                with suppress(NatsError):
                    for message in (*self._messages, *behind):
                        if not message.is_acked:
                            await message.in_progress()

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()

    async def give_back(self) -> None:
        """Let another process have at once what has not left."""
        with suppress(NatsError):
            for message in self._messages:
                if not message.is_acked:
                    await message.nak()


def is_suspect(delivery: Delivery) -> bool:
    """Whether it has come so often that it is handled alone."""
    return delivery.delivered > COMPANY_DELIVERIES
