"""Consumption from one durable, in batches, at least once, for as long as the process lives."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.dead_letters import bury
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject, RetryAfter
from oo.bus.pull import Pull
from oo.errors import BusUnreachable
from oo.events.subjects import Durable
from oo.telemetry import BACKLOG, BATCH_SECONDS, DEAD_LETTERS, DELIVERIES, HANDLER_FAILURES

_log = logging.getLogger(__name__)

Handle = Callable[[Sequence[Delivery]], Awaitable[Sequence[Door]]]
"""Gives each delivery its door, same length, same order. What it raises sends all of them round again."""

FETCH_SECONDS = 1.0
"""How long a fetch waits for a first message, and so how long a stop may take when none comes."""
STALL_SECONDS = 120.0
"""A loop that has not come round for so long counts as stuck."""
COMPANY_DELIVERIES = 2
"""How often a message may have been delivered and still be handled together with others: one at which the handler
raises is soon alone and holds up nobody. After an outage that makes at most `streams.MAX_ACK_PENDING` small batches."""
LONGEST_RETRY = 60.0
DEAD_LETTER_RETRY = 10.0
LONGEST_PAUSE = 5.0


class Consumer:
    """Hands the messages of one durable to a handler, one batch at a time, and sees each out by its door.

    Args:
        js: where to read, over a connection of `oo.bus.connection`.
        durable: whose place in which stream.
        handle: what to do with a batch; its effect must be idempotent.
        batch_size: the most messages at once.
        fill: wait up to `FETCH_SECONDS` for a full batch, for a sink whose writes cost the same whatever their size.
        clock: seconds that only move forward.
    """

    def __init__(  # noqa: PLR0913  # the last three have defaults that a process rarely changes
        self,
        js: JetStreamContext,
        durable: Durable,
        handle: Handle,
        *,
        batch_size: int = 100,
        fill: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.durable = durable
        self._js = js
        self._client = js._nc  # noqa: SLF001  # the context has no public way to its connection
        self._handle = handle
        self._batch_size = batch_size
        self._fill = fill
        self._clock = clock
        self._pull: Pull | None = None
        self._keep_seconds = streams.ACK_WAIT / 3
        self._turned_at = clock()

    @property
    def alive(self) -> bool:
        """Whether the loop comes round, if only to wait for the server; when not, only a new process helps."""
        return not self._client.is_closed and self._clock() - self._turned_at < STALL_SECONDS

    @property
    def ready(self) -> bool:
        """Whether messages can come."""
        return self._client.is_connected and self._pull is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set and the batch in flight has left; outlives restarts of the server.

        Raises:
            BusUnreachable: the connection was closed for good.
        """
        failures = 0
        while not stop.is_set():
            if self._client.is_closed:
                raise BusUnreachable(f"{self.durable.name}: the connection was closed for good; restart the process")
            try:
                await self._turn()
                failures = 0
            except Exception as error:  # noqa: BLE001  # the loop's edge: the client raises much, nothing may end it
                failures += 1
                _log.warning("consumption interrupted", exc_info=_unusual(error), extra=self._named(error=repr(error)))
                await self._unbind()
                await _pause(stop, min(0.1 * 2**failures, LONGEST_PAUSE))
        await self._unbind()
        with suppress(NatsError):
            await self._client.flush()

    async def _turn(self) -> None:
        if self._client.is_connected:
            pull = self._pull or await self._bind()
            messages = await pull.fetch(self._batch_size, FETCH_SECONDS, fill=self._fill)
            if messages:
                await self._process(messages)
        else:
            await asyncio.sleep(0.1)  # a fetch now would be sent later, and its messages would come to nobody
        self._turned_at = self._clock()

    async def _bind(self) -> Pull:
        await streams.ensure(self._js)
        config = (await self._js.consumer_info(self.durable.stream, self.durable.name)).config
        self._keep_seconds = (config.ack_wait or streams.ACK_WAIT) / 3
        self._pull = await Pull.open(self._client, self.durable)
        return self._pull

    async def _unbind(self) -> None:
        pull, self._pull = self._pull, None
        if pull is not None:
            with suppress(NatsError):
                await pull.close()

    async def _process(self, messages: Sequence[Msg]) -> None:
        BACKLOG.labels(self.durable.name).set(messages[-1].metadata.num_pending)
        with BATCH_SECONDS.labels(self.durable.consumer).time():
            async with self._kept(messages):
                for company in _companies(messages):
                    deliveries = [Delivery.of(message) for message in company]
                    doors = await self._doors(deliveries)
                    await asyncio.gather(*map(self._see_out, company, deliveries, doors))

    async def _doors(self, deliveries: Sequence[Delivery]) -> Sequence[Door]:
        try:
            doors = await self._handle(deliveries)
        except Exception as error:  # noqa: BLE001  # the handler's edge: whatever it raises, its messages come again
            return self._failed(deliveries, error)
        if len(doors) != len(deliveries):
            wrong = ValueError(f"the handler gave {len(doors)} doors for {len(deliveries)} deliveries")
            return self._failed(deliveries, wrong)
        return doors

    def _failed(self, deliveries: Sequence[Delivery], error: Exception) -> Sequence[Door]:
        HANDLER_FAILURES.labels(self.durable.consumer).inc()
        _log.error("handler failed", exc_info=error, extra=self._named(batch=len(deliveries)))
        return [RetryAfter(min(2.0 ** (d.delivered - 1), LONGEST_RETRY), "handler failed") for d in deliveries]

    async def _see_out(self, message: Msg, delivery: Delivery, door: Door) -> None:
        named = self._named(stream=delivery.stream, sequence=delivery.sequence)
        try:
            match door:
                case Acknowledge():
                    await message.ack()
                case RetryAfter(seconds, reason):
                    _log.info("retry", extra=named | {"seconds": seconds, "reason": reason})
                    await message.nak(seconds)
                case Reject(reason, error):
                    _log.warning("rejected", extra=named | {"reason": reason, "error": error})
                    await self._bury(message, delivery, door)
        except NatsError as error:
            _log.warning("left by no door, it will come again", extra=named | {"error": repr(error)})
        else:
            DELIVERIES.labels(self.durable.consumer, type(door).__name__).inc()

    async def _bury(self, message: Msg, delivery: Delivery, reject: Reject) -> None:
        try:
            await bury(self._js, self.durable.consumer, delivery, reject)
        except NatsError:
            await message.nak(DEAD_LETTER_RETRY)
            raise
        await message.term()
        DEAD_LETTERS.labels(self.durable.consumer, reject.reason).inc()

    @asynccontextmanager
    async def _kept(self, messages: Sequence[Msg]) -> AsyncIterator[None]:
        """Ask the server for patience, again and again, with those that have not left yet."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self._keep_seconds)
                with suppress(NatsError):
                    for message in messages:
                        if not message.is_acked:
                            await message.in_progress()

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()

    def _named(self, **more: object) -> dict[str, object]:
        return {"durable": self.durable.name, **more}


def _companies(messages: Sequence[Msg]) -> Iterator[list[Msg]]:
    """The messages that are handled together, then each that has to be handled alone."""
    together = [message for message in messages if message.metadata.num_delivered <= COMPANY_DELIVERIES]
    if together:
        yield together
    yield from ([message] for message in messages if message.metadata.num_delivered > COMPANY_DELIVERIES)


def _unusual(error: Exception) -> bool:
    """Whether a traceback tells more than the name: what a restarting server does is told by its name."""
    return not isinstance(error, NatsError)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
