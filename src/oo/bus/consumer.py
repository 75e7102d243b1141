"""Consumption from one durable, in batches, at least once, for as long as the process lives."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count as naturals
from random import Random

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.backoff import full_jitter
from oo.bus.batch import Batch, Company, is_suspect
from oo.bus.burial import MAX_DELIVERIES, NO_DOOR
from oo.bus.delivery import Delivery, Door, Reject, RetryAfter
from oo.bus.doorkeeper import Doorkeeper
from oo.bus.lag import Lag
from oo.bus.pull import Pull
from oo.bus.streams import Limits
from oo.errors import BusUnreachable, SinkUnavailable
from oo.events.subjects import Durable
from oo.telemetry import BATCH_SECONDS, BATCH_SIZE, HANDLER_FAILURES, REDELIVERIES, SINK_OUTAGES, SINK_SECONDS

_log = logging.getLogger(__name__)

Handle = Callable[[Sequence[Delivery]], Awaitable[Sequence[Door]]]
"""Gives each delivery its door, same length, same order.

`SinkUnavailable` means that no other batch would fare better: it is given the same once more when some time has passed.
Whatever else it raises is held against the messages, which go round again, soon alone and at last to the dead letters.
"""

FETCH_SECONDS = 1.0
"""How long a fetch waits for a first message before it is made anew."""
STALL_SECONDS = 120.0
"""A loop that has not come round for so long counts as stuck."""
DRAIN_SECONDS = 20.0
"""How long the batch in hand may take after a stop, unless told: less than a pod's grace time of 30 s."""
FLUSH_SECONDS = 2
"""How long the server may take to hear of all doors so far."""
LONGEST_PAUSE = 5.0
"""How late at most one is back after an outage of the server or the sink."""


class Consumer:
    """Hands the messages of one durable to a handler, one batch at a time, and sees each out by its door.

    While there is a backlog the next batch arrives as one is handled: two are in memory at most.

    Args:
        js: where to read, over a connection of `oo.bus.connection`.
        durable: whose place in which stream.
        handle: what to do with a batch; its effect must be idempotent.
        batch_size: the most messages at once.
        fill_seconds: how long to wait for a full batch, for a sink whose writes cost the same whatever their size; when
            None, a batch is what there is. Well below the ack wait.
        drain_seconds: how long the batch in hand may take after a stop.
        limits: what streams are made with, should they be gone; None for a user that may not make them.
        jitter: spreads retries, of which many consumers may have some at once.
        clock: seconds that only move forward.
    """

    def __init__(  # noqa: PLR0913  # the last six have defaults that a process rarely changes
        self,
        js: JetStreamContext,
        durable: Durable,
        handle: Handle,
        *,
        batch_size: int = 100,
        fill_seconds: float | None = None,
        drain_seconds: float = DRAIN_SECONDS,
        limits: Limits | None = streams.AS_IT_IS,
        jitter: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.durable = durable
        self._js = js
        self._client = js._nc  # noqa: SLF001  # the context has no public way to its connection
        self._handle = handle
        self._jitter = jitter or Random()  # noqa: S311  # spreads retries, keeps no secret
        self._batch_size = batch_size
        self._fill = fill_seconds is not None
        self._fetch_seconds = FETCH_SECONDS if fill_seconds is None else fill_seconds
        self._drain_seconds = drain_seconds
        self._limits = limits
        self._clock = clock
        self._doorkeeper = Doorkeeper(js, durable, self._jitter)
        self._lag = Lag(js, durable, lambda: not self._busy, clock)
        self._pull: Pull | None = None
        self._keep_seconds = streams.ACK_WAIT / 3
        self._busy = False
        self._sink_is_up = True
        self._turned_at = clock()

    @property
    def alive(self) -> bool:
        """Whether the loop comes round, if only to wait for server or sink, and messages come when there are some.

        When not, only a new process helps.
        """
        turning = self._clock() - self._turned_at < STALL_SECONDS
        return turning and not self._client.is_closed and not self._lag.stalled

    @property
    def ready(self) -> bool:
        """Whether messages can come and the sink takes them, as far as the last try told."""
        return self._client.is_connected and self._pull is not None and self._sink_is_up

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; outlives restarts of the server and outages of the sink.

        After a stop nothing is begun any more. The batch in hand may end within `drain_seconds`; what has not left by
        then goes back to the server, which gives it to another process at once.

        Raises:
            BusUnreachable: the connection was closed for good.
        """
        consuming = asyncio.create_task(self._consume(stop))
        others = [asyncio.create_task(stop.wait()), asyncio.create_task(self._lag.watch())]
        try:
            await asyncio.wait([consuming, others[0]], return_when=asyncio.FIRST_COMPLETED)
            if self._pull is not None:
                self._pull.cut()
            await asyncio.wait([consuming], timeout=self._drain_seconds)
            if not consuming.done():
                _log.error("not drained in time, the batch in hand goes back", extra=self._named())
        finally:
            for task in (consuming, *others):
                task.cancel()
            await asyncio.wait([consuming])
            await self._unbind()
            await self._flush()
        with suppress(asyncio.CancelledError):
            consuming.result()

    async def _consume(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            if self._client.is_closed:
                raise BusUnreachable(f"{self.durable.name}: the connection was closed for good; restart the process")
            try:
                await self._turn(stop)
                failures = 0
            except Exception as error:  # noqa: BLE001  # the loop's edge: the client raises much, nothing may end it
                failures += 1
                _log.warning("consumption interrupted", exc_info=_unusual(error), extra=self._named(error=repr(error)))
                await self._unbind()
                await _pause(stop, full_jitter(failures, self._jitter, first=0.2, longest=LONGEST_PAUSE))

    async def _turn(self, stop: asyncio.Event) -> None:
        if self._client.is_connected:
            pull = self._pull or await self._bind()
            messages = await pull.fetch(self._batch_size, self._fetch_seconds, fill=self._fill)
            if messages:
                await self._process(messages, pull, stop)
        else:
            await asyncio.sleep(0.1)  # a fetch now would be sent later, and its messages would come to nobody
        self._turned_at = self._clock()

    async def _bind(self) -> Pull:
        if self._limits is not None:
            await streams.ensure(self._js, self._limits)
        config = (await self._js.consumer_info(self.durable.stream, self.durable.name)).config
        self._keep_seconds = (config.ack_wait or streams.ACK_WAIT) / 3
        self._pull = await Pull.open(self._client, self.durable.stream, self.durable.name)
        return self._pull

    async def _unbind(self) -> None:
        pull, self._pull = self._pull, None
        if pull is not None:
            with suppress(NatsError):
                await pull.close()

    async def _process(self, messages: Sequence[Msg], pull: Pull, stop: asyncio.Event) -> None:
        batch = Batch(messages, self._keep_seconds)
        if len(messages) == self._batch_size and not batch.redelivered and not stop.is_set():
            # There are more, and they may come while these are handled; but not to wait behind one that came before,
            # which may end the process each time, and then theirs would be deliveries in vain.
            await pull.ask(self._batch_size, self._fetch_seconds, fill=self._fill)
        BATCH_SIZE.labels(self.durable.name).observe(len(messages))
        REDELIVERIES.labels(self.durable.name).inc(batch.redelivered)
        self._busy = True
        try:
            with BATCH_SECONDS.labels(self.durable.consumer).time():
                async with batch.kept(pull.arrived):
                    for company in batch.companies(self._jitter):
                        if not stop.is_set():
                            await self._serve(company, stop)
        finally:
            self._busy = False
            if stop.is_set():
                await self._unbind()  # first, or what is given back would come here again
                await batch.give_back()

    async def _serve(self, company: Company, stop: asyncio.Event) -> None:
        messages, deliveries = zip(*company, strict=True)
        if is_suspect(deliveries[0]):
            # This one may end the process, and with it the news of what has left before.
            await self._flush()
        if self._doorkeeper.is_last(deliveries[0]):  # who comes for the last time comes alone
            doors: Sequence[Door] = [self._last_door(deliveries[0])]
        else:
            doors = await self._doors(deliveries, stop)
        if doors:
            await self._doorkeeper.see_out_all(messages, deliveries, doors)

    async def _flush(self) -> None:
        with suppress(NatsError):
            await self._client.flush(FLUSH_SECONDS)

    @staticmethod
    def _last_door(delivery: Delivery) -> Door:
        return Reject(MAX_DELIVERIES, f"{delivery.delivered - 1} deliveries ended without a door: {NO_DOOR}")

    async def _doors(self, deliveries: Sequence[Delivery], stop: asyncio.Event) -> Sequence[Door]:
        """The handler's doors, sooner or later; none after a stop."""
        for outages in naturals(1):
            try:
                with SINK_SECONDS.labels(self.durable.name).time():
                    doors = await self._handle(deliveries)
            except SinkUnavailable as error:
                self._sink_is_up = False
                self._turned_at = self._clock()
                SINK_OUTAGES.labels(self.durable.name).inc()
                _log.warning("sink is down", extra=self._named(batch=len(deliveries), tries=outages, error=str(error)))
                await _pause(stop, full_jitter(outages, self._jitter, first=0.2, longest=LONGEST_PAUSE))
                if stop.is_set():
                    break
                continue
            except Exception as error:  # noqa: BLE001  # the handler's edge: whatever it raises, its messages come again
                self._sink_is_up = True
                return self._failed(deliveries, error)
            self._sink_is_up = True
            if len(doors) != len(deliveries):
                wrong = ValueError(f"the handler gave {len(doors)} doors for {len(deliveries)} deliveries")
                return self._failed(deliveries, wrong)
            return doors
        return ()

    def _failed(self, deliveries: Sequence[Delivery], error: Exception) -> Sequence[Door]:
        HANDLER_FAILURES.labels(self.durable.consumer).inc()
        _log.error("handler failed", exc_info=error, extra=self._named(batch=len(deliveries)))
        name = type(error).__name__
        return [
            RetryAfter(full_jitter(delivery.delivered, self._jitter), "handler failed", name) for delivery in deliveries
        ]

    def _named(self, **more: object) -> dict[str, object]:
        return {"durable": self.durable.name, **more}


def _unusual(error: Exception) -> bool:
    """Whether a traceback tells more than the name: what a restarting server does is told by its name."""
    return not isinstance(error, NatsError)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
