import asyncio
import os
import signal
import socket

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.consumer import Consumer
from oo.bus.publisher import publish
from oo.bus.worker import run_consumers, stop_on_signals
from oo.errors import BusUnreachable
from tests.envelopes import envelope
from tests.integration.consuming import NAMED, PATIENCE, SIGNALS, Diary, all_left
from tests.integration.health import answer, free_port
from tests.integration.nats_server import NatsServer


@pytest.fixture
def port() -> int:
    return free_port()


async def test_a_worker_consumes_tells_its_health_and_stops_on_a_signal(jetstream: JetStreamContext, port: int) -> None:
    await streams.ensure(jetstream)
    await publish(jetstream, envelope())
    diaries = Diary(), Diary()
    durables = SIGNALS, NAMED["archive-signals"]
    consumers = [Consumer(jetstream, durable, diary) for durable, diary in zip(durables, diaries, strict=True)]
    stop = stop_on_signals(asyncio.get_running_loop())
    running = asyncio.create_task(run_consumers(consumers, host="127.0.0.1", health_port=port, stop=stop))
    assert (await answer(port, "/readyz", 200)).json() == {"failing": []}
    assert (await answer(port, "/livez", 200)).json() == {"failing": []}
    for durable in durables:
        await all_left(jetstream, durable)
    metrics = (await answer(port, "/metrics", 200)).text
    assert 'oo_deliveries_total{consumer="signals",door="Acknowledge"}' in metrics
    assert 'oo_consumer_lag{durable="archive-signals"}' in metrics
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, PATIENCE)
    assert [len(diary.deliveries) for diary in diaries] == [1, 1]


async def test_a_worker_without_its_server_is_alive_and_not_ready(
    jetstream: JetStreamContext, nats_server: NatsServer, port: int
) -> None:
    stop = asyncio.Event()
    consumers = [Consumer(jetstream, SIGNALS, Diary())]
    running = asyncio.create_task(run_consumers(consumers, host="127.0.0.1", health_port=port, stop=stop))
    await answer(port, "/readyz", 200)
    nats_server.stop()
    assert (await answer(port, "/readyz", 503)).json() == {"failing": ["signals-signals"]}
    await answer(port, "/livez", 200)
    nats_server.start()
    await answer(port, "/readyz", 200)
    stop.set()
    await asyncio.wait_for(running, PATIENCE)


async def test_a_consumer_that_fails_takes_its_worker_with_it(
    jetstream: JetStreamContext, nats_client: Client, port: int
) -> None:
    consumers = [Consumer(jetstream, SIGNALS, Diary()), Consumer(jetstream, NAMED["archive-signals"], Diary())]
    running = asyncio.create_task(run_consumers(consumers, host="127.0.0.1", health_port=port, stop=asyncio.Event()))
    await answer(port, "/readyz", 200)
    await nats_client.close()
    with pytest.raises(BusUnreachable):
        await asyncio.wait_for(running, PATIENCE)


async def test_a_taken_health_port_is_an_error_of_the_start(jetstream: JetStreamContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await run_consumers(
            [Consumer(jetstream, SIGNALS, Diary())],
            host="127.0.0.1",
            health_port=taken.getsockname()[1],
            stop=asyncio.Event(),
        )
