"""A consumer that runs while a test looks on."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from oo.bus.consumer import Consumer, Handle
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject
from oo.bus.routing import decode_or_reject
from oo.events.subjects import DURABLES, Durable

PATIENCE = 30.0
NAMED = {durable.name: durable for durable in DURABLES}
SIGNALS = NAMED["signals-signals"]


@asynccontextmanager
async def consuming(
    js: JetStreamContext,
    handle: Handle,
    durable: Durable = SIGNALS,
    *,
    batch_size: int = 100,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Consumer]:
    jitter = Random(1)  # noqa: S311  # spreads retries
    consumer = Consumer(js, durable, handle, batch_size=batch_size, jitter=jitter, clock=clock)
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield consumer
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE)


async def all_left(js: JetStreamContext, durable: Durable = SIGNALS) -> None:
    """Return once every message of the durable that was stored by now has left by a final door."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                # A durable hears of a message a moment after its stream has acknowledged it.
                last = await _last_sequence(js, durable)
                info = await js.consumer_info(durable.stream, durable.name)
            except NatsError:
                pass  # not there yet, or its server is away
            else:
                heard = info.delivered is not None and info.delivered.stream_seq >= last
                if heard and not info.num_pending and not info.num_ack_pending:
                    return
            await asyncio.sleep(0.01)


async def _last_sequence(js: JetStreamContext, durable: Durable) -> int:
    """Of the messages that this durable reads; 0 when there is none."""
    last = 0
    for subject in durable.subjects:
        with suppress(NotFoundError):
            last = max(last, (await js.get_msg(durable.stream, subject=subject)).seq or 0)
    return last


async def until(is_so: Callable[[], object]) -> None:
    """Return once it is so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  # what tests wait for has no event to give
            await asyncio.sleep(0.01)


async def count(js: JetStreamContext, stream: str) -> int:
    """How many messages the stream holds."""
    return (await js.stream_info(stream)).state.messages


async def arrived(js: JetStreamContext, stream: str) -> None:
    """Return once the stream holds a message."""
    async with asyncio.timeout(PATIENCE):
        while not await count(js, stream):  # noqa: ASYNC110  # it is asked, there is no event
            await asyncio.sleep(0.02)


class HandClock:
    """A clock that a test sets."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Diary:
    """A handler that decodes, acknowledges and remembers; what it cannot decode it rejects."""

    def __init__(self) -> None:
        self.batches: list[list[Delivery]] = []

    @property
    def deliveries(self) -> list[Delivery]:
        return [delivery for batch in self.batches for delivery in batch]

    @property
    def event_ids(self) -> list[str]:
        return [delivery.headers["Nats-Msg-Id"] for delivery in self.deliveries]

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Door]:
        self.batches.append(list(deliveries))
        decoded = [decode_or_reject(delivery) for delivery in deliveries]
        return [each if isinstance(each, Reject) else Acknowledge() for each in decoded]
