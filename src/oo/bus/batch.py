"""The messages that were fetched together: kept while they are in hand, handled in companies, given back on a stop."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

COMPANY_DELIVERIES = 2
"""How often a message may have been delivered and still be handled together with others: one at which the handler
raises is soon alone and holds up nobody. After an outage that makes at most `streams.MAX_ACK_PENDING` small batches."""
ORDERED_DELIVERIES = 6
"""Up to which delivery those that are handled alone come forwards and backwards in turn."""


class Batch:
    """What is in hand.

    Args:
        messages: at least one, of one durable.
        keep_seconds: how often the server is asked for patience; a good deal less than the durable's ack wait.
    """

    def __init__(self, messages: Sequence[Msg], keep_seconds: float) -> None:
        self._messages = messages
        self._keep_seconds = keep_seconds

    @property
    def redelivered(self) -> int:
        """How many of them have been delivered before."""
        return sum(message.metadata.num_delivered > 1 for message in self._messages)

    def companies(self, jitter: Random) -> Iterator[list[Msg]]:
        """The messages that are handled together, then each that has to be handled alone.

        One of those may kill the process each time, and who waits behind it is delivered in vain. So the order changes:
        forwards, then backwards, which brings everybody but the one in front of it; then any, should there be several.
        """
        together: list[Msg] = []
        alone: list[Msg] = []
        for message in self._messages:
            (alone if is_suspect(message) else together).append(message)
        if together:
            yield together
        tries = max((message.metadata.num_delivered for message in alone), default=0)
        if tries > ORDERED_DELIVERIES:
            jitter.shuffle(alone)
        elif tries % 2 == 0:
            alone.reverse()
        yield from ([message] for message in alone)

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Ask the server for patience, again and again, with those that have not left yet."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self._keep_seconds)
                with suppress(NatsError):
                    for message in self._messages:
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


def is_suspect(message: Msg) -> bool:
    """Whether it has come so often that it is handled alone."""
    return bool(message.metadata.num_delivered > COMPANY_DELIVERIES)
