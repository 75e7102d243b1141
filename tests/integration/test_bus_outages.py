"""A sink or a server that is away for a while: nothing is lost, nothing piles up, and the health says what it is."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.publisher import publish, publish_many
from oo.errors import SinkUnavailable
from tests.envelopes import envelope
from tests.integration.consuming import SIGNALS, Diary, HandClock, all_left, consuming, count, until
from tests.integration.nats_server import NatsServer


class Sink:
    """A handler whose store can be switched off."""

    def __init__(self) -> None:
        self.is_up = True
        self.tries = 0
        self.kept: list[Delivery] = []

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Door]:
        self.tries += 1
        if not self.is_up:
            raise SinkUnavailable("the shelf is locked")
        self.kept += deliveries
        return [Acknowledge() for _ in deliveries]


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)


async def short_ack_wait(js: JetStreamContext) -> None:
    config = (await js.consumer_info("SIGNALS", SIGNALS.name)).config
    await js.add_consumer("SIGNALS", config.evolve(ack_wait=0.6))


async def test_while_its_sink_is_down_a_consumer_keeps_its_batch_and_the_next_and_takes_no_other(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.consumer.LONGEST_PAUSE", 0.1)
    await short_ack_wait(jetstream)
    await publish_many(jetstream, (envelope(event_id=f"e{number}") for number in range(40)))
    sink = Sink()
    sink.is_up = False
    async with consuming(jetstream, sink, batch_size=10) as consumer:
        await until(lambda: sink.tries > 20)  # more than twice the deliveries that a message has, and several ack waits
        assert consumer.alive
        assert not consumer.ready
        info = await jetstream.consumer_info("SIGNALS", SIGNALS.name)
        assert (info.num_ack_pending, info.num_pending) == (20, 20)
        sink.is_up = True
        await all_left(jetstream)
        await until(lambda: consumer.ready)
    assert sorted(delivery.sequence for delivery in sink.kept) == list(range(1, 41))
    assert {delivery.delivered for delivery in sink.kept} == {1}, "an outage is not held against a message"
    assert await count(jetstream, "DLQ") == 0


async def test_a_stop_in_an_outage_gives_the_batch_to_another_process_at_once(jetstream: JetStreamContext) -> None:
    await publish_many(jetstream, (envelope(event_id=f"e{number}") for number in range(10)))
    sink = Sink()
    sink.is_up = False
    async with consuming(jetstream, sink):
        await until(lambda: sink.tries)
    other = Diary()
    started = time.monotonic()
    async with consuming(jetstream, other):
        await all_left(jetstream)
    assert time.monotonic() - started < streams.ACK_WAIT / 3
    assert sorted(delivery.sequence for delivery in other.deliveries) == list(range(1, 11))


async def test_an_outage_is_told_by_the_health_of_the_consumer_alone(jetstream: JetStreamContext) -> None:
    """However long it lasts: a new process would not find another sink."""
    clock, sink = HandClock(), Sink()
    sink.is_up = False
    async with consuming(jetstream, sink, clock=clock) as consumer:
        await publish(jetstream, envelope())
        for hour in range(1, 4):
            clock.seconds = 3_600.0 * hour
            tries = sink.tries
            await until(lambda tries=tries: sink.tries > tries + 1)  # type: ignore[misc]  # a loop's own variable
            assert consumer.alive
            assert not consumer.ready
        sink.is_up = True
        await all_left(jetstream)


@pytest.mark.parametrize("end", [NatsServer.stop, NatsServer.kill, NatsServer.freeze])
async def test_consumption_resumes_within_30_seconds_of_the_servers_return(
    nats_server: NatsServer, nats_client: Client, end: Callable[[NatsServer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    client = await connect(nats_server.url, "oo-tests")
    diary = Diary()
    async with consuming(client.jetstream(), diary) as consumer:
        await publish(nats_client.jetstream(), envelope(event_id="before"))
        await until(lambda: "before" in diary.event_ids)
        end(nats_server)
        await until(lambda: not consumer.ready)
        assert consumer.alive
        await asyncio.to_thread(NatsServer.thaw if end is NatsServer.freeze else NatsServer.start, nats_server)
        back = time.monotonic()
        await until(lambda: nats_client.is_connected)
        await publish(nats_client.jetstream(), envelope(event_id="after"))
        await until(lambda: "after" in diary.event_ids)
        seconds = time.monotonic() - back
        await until(lambda: consumer.ready)
    await client.close()
    with capsys.disabled():
        print(f"\n  after {end.__name__} of nats-server: consumption resumed {seconds:.1f} s after its return")
    assert seconds < 30
