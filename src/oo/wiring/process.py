"""What every process begins with: log lines, the clock, new names and the bus."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.kv import KeyValue
from uuid_utils.compat import uuid7

from oo.bus.connection import connect, drain
from oo.bus.consumer import Consumer
from oo.bus.exceeded import ExceededBurial
from oo.bus.handling import Apply, events_only
from oo.bus.roles import makes_streams
from oo.bus.streams import Limits, ensure, missing
from oo.bus.tombstones import Tombstones
from oo.bus.worker import run_consumers, stop_on_signals
from oo.collector import collecting_between_steps
from oo.errors import BusUnreachable
from oo.events.subjects import DURABLES, ConsumerName
from oo.settings import ConsumerSettings, ProcessSettings
from oo.telemetry import configure_logging

_log = logging.getLogger(__name__)

BOOTSTRAP_LOOKS = 120
"""How often, a second apart, a process looks for what another one makes: an installation starts all at once."""


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A new UUIDv7, which sorts by time."""
    return uuid7()


async def connected(settings: ProcessSettings, process: str) -> Client:
    """A connection of `process` as the user of its settings; see `connect`.

    Raises:
        BusUnreachable: no server answered, or it did not let the user in.
    """
    password = settings.nats_password
    return await connect(
        settings.nats_url, process, settings.nats_user, None if password is None else password.get_secret_value()
    )


@asynccontextmanager
async def on_the_bus(settings: ProcessSettings, process: str) -> AsyncIterator[JetStreamContext]:
    """A connection of `process` with streams, durables and buckets in place; what is under way is finished at the end.

    They are made here, unless the user of the settings is one that may not: then they are waited for.

    Raises:
        BusUnreachable: no server answered, or not as one that has JetStream and lets this user do its work; or nobody
            has made what is missing.
        InvalidSettings: the server refused the limits of the settings.
    """
    configure_logging(process)
    connection = await connected(settings, process)
    try:
        jetstream = connection.jetstream()
        try:
            await _seen_to(connection, jetstream, settings)
        except NatsError as error:
            raise BusUnreachable(
                f"{process}: streams and durables could not be seen to ({error!r});"
                " is JetStream on, and may this user use its API?"
            ) from error
        yield jetstream
    finally:
        await drain(connection)


async def bucket(js: JetStreamContext, name: str) -> KeyValue:
    """A bucket that is there.

    Raises:
        BusUnreachable: it is not, or the server did not answer.
    """
    try:
        return await js.key_value(name)
    except NatsError as error:
        raise BusUnreachable(f"the bus has no bucket {name} ({error!r}); `oo bootstrap` makes it") from error


async def _seen_to(connection: Client, jetstream: JetStreamContext, settings: ProcessSettings) -> None:
    """Streams and durables in place; what went under with a lost connection is asked once more."""
    while True:
        reconnects = connection.stats["reconnects"]
        try:
            limits = limits_of(settings)
            return await (_made(jetstream) if limits is None else ensure(jetstream, limits))
        except NatsError:
            if connection.stats["reconnects"] == reconnects:
                raise


async def _made(jetstream: JetStreamContext) -> None:
    """Return when all is there."""
    for attempt in range(BOOTSTRAP_LOOKS):
        gone = await missing(jetstream)
        if not gone:
            return
        if attempt == 0:
            _log.info("waiting for `oo bootstrap`", extra={"missing": gone})
        await asyncio.sleep(1)
    raise BusUnreachable(f"the bus lacks {', '.join(gone)}, which this user may not make; `oo bootstrap` does")


def limits_of(settings: ProcessSettings) -> Limits | None:
    """What the settings decide about streams; None when their user may not make any."""
    if not makes_streams(settings.nats_user):
        return None
    return Limits(
        replicas=settings.stream_replicas,
        dedupe_seconds=settings.dedupe_seconds,
        max_age={stream: timedelta(days=days) for stream, days in settings.stream_max_age_days.items()},
        max_bytes=settings.stream_max_bytes,
    )


async def consume(  # noqa: PLR0913  # the last two by name
    jetstream: JetStreamContext,
    name: ConsumerName,
    apply: Apply,
    settings: ConsumerSettings,
    *,
    fill_seconds: float | None = None,
    traces: bool = False,
) -> None:
    """Give the events of all durables of a consumer to `apply`, until the process is told to stop; see `Consumer`.

    An event of an erased person has no effect, unless `traces` asks for its blank trace, see `events_only`.

    Beside them one durable tells of messages that none of these will deliver again; they go to the dead letters.
    """
    events = events_only(apply, now, tombstones=Tombstones(jetstream), traces=traces)
    exceeded = ExceededBurial(jetstream)
    consumers = [
        Consumer(
            jetstream,
            durable,
            exceeded if durable.stream == "ADVISORIES" else events,
            batch_size=settings.batch_size,
            fill_seconds=fill_seconds,
            drain_seconds=settings.drain_seconds,
            limits=limits_of(settings),
        )
        for durable in DURABLES
        if durable.consumer == name
    ]
    stop = stop_on_signals(asyncio.get_running_loop())
    with collecting_between_steps():
        await run_consumers(consumers, host=settings.health_host, health_port=settings.health_port, stop=stop)
