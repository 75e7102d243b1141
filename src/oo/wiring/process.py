"""What every process begins with: log lines, the clock, new names and the bus."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from nats.js import JetStreamContext
from uuid_utils.compat import uuid7

from oo.bus.connection import connect
from oo.bus.consumer import Consumer
from oo.bus.handling import Apply, events_only
from oo.bus.streams import ensure
from oo.bus.worker import run_consumers, stop_on_signals
from oo.events.subjects import DURABLES, ConsumerName
from oo.settings import ConsumerSettings, ProcessSettings
from oo.telemetry import configure_logging


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A new UUIDv7, which sorts by time."""
    return uuid7()


def quieten_collector() -> None:
    """Keep the cyclic garbage collector out of most requests.

    What start-up made lives as long as the process and is walked no more. A request makes some thousand objects and
    hardly a cycle: the usual threshold of 700 would walk the young ones several times in each.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@asynccontextmanager
async def on_the_bus(settings: ProcessSettings, process: str) -> AsyncIterator[JetStreamContext]:
    """A connection of `process` with streams, durables and buckets in place; what is under way is finished at the end.

    Raises:
        BusUnreachable: no server answered.
    """
    configure_logging(process)
    connection = await connect(settings.nats_url, process)
    try:
        jetstream = connection.jetstream()
        await ensure(jetstream)
        yield jetstream
    finally:
        await connection.drain()


async def consume(
    jetstream: JetStreamContext, name: ConsumerName, apply: Apply, settings: ConsumerSettings, *, fill: bool = False
) -> None:
    """Give the events of all durables of a consumer to `apply`, until the process is told to stop; see `Consumer`."""
    handle = events_only(apply)
    consumers = [
        Consumer(jetstream, durable, handle, batch_size=settings.batch_size, fill=fill)
        for durable in DURABLES
        if durable.consumer == name
    ]
    stop = stop_on_signals(asyncio.get_running_loop())
    await run_consumers(consumers, host=settings.health_host, health_port=settings.health_port, stop=stop)
