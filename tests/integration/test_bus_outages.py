"""A sink or a server that is away for a while: nothing is lost, nothing piles up, and the health says what it is."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.publisher import publish, publish_many
from oo.bus.pull import MAX_BATCH_BYTES
from oo.errors import SinkUnavailable
from oo.events.envelope import Envelope
from oo.offline.store import SIGNAL_TYPES, OfflineStore
from tests.envelopes import envelope
from tests.integration.consuming import NAMED, PATIENCE, SIGNALS, Diary, HandClock, all_left, consuming, count, until
from tests.integration.health import answer, free_port
from tests.integration.nats_server import NatsServer

OUTAGE_SECONDS = 60.0
EVENTS, EVENT_BYTES = 20_000, 4_000


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


async def test_while_its_sink_is_down_a_consumer_keeps_its_batch_and_takes_no_other(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.consumer.LONGEST_PAUSE", 0.1)
    await short_ack_wait(jetstream)
    await publish_many(jetstream, (envelope(event_id=f"e{number}") for number in range(30)))
    sink = Sink()
    sink.is_up = False
    async with consuming(jetstream, sink, batch_size=10) as consumer:
        await until(lambda: sink.tries > 20)  # more than twice the deliveries that a message has, and several ack waits
        assert consumer.alive
        assert not consumer.ready
        info = await jetstream.consumer_info("SIGNALS", SIGNALS.name)
        assert (info.num_ack_pending, info.num_pending) == (10, 20)
        sink.is_up = True
        await all_left(jetstream)
        await until(lambda: consumer.ready)
    assert sorted(delivery.sequence for delivery in sink.kept) == list(range(1, 31))
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


async def test_a_sink_that_is_down_for_a_minute_loses_nothing_and_costs_no_memory(
    jetstream: JetStreamContext, nats_server: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, aside = tmp_path / "offline", tmp_path / "aside"
    port = free_port()
    archive_signals = NAMED["archive-signals"]
    with archive(nats_server, store, port) as process:
        await publish(jetstream, envelope(event_id="before"))
        await answer(port, "/readyz", 200)
        await all_left(jetstream, archive_signals)
        store.rename(aside)
        store.write_text("where a folder belongs")
        began = time.monotonic()
        await publish_many(jetstream, (padded(number) for number in range(EVENTS)))
        assert (await answer(port, "/readyz", 503)).json() == {"failing": ["archive-signals"]}
        at_first = most = memory(process)
        while time.monotonic() - began < OUTAGE_SECONDS:
            await answer(port, "/livez", 200)
            most = max(most, memory(process))
            await asyncio.sleep(0.5)
        info = await jetstream.consumer_info("SIGNALS", archive_signals.name)
        assert info.num_redelivered == 0
        store.unlink()
        aside.rename(store)
        async with asyncio.timeout(PATIENCE):
            await answer(port, "/readyz", 200)
        await all_left(jetstream, archive_signals)
    assert process.returncode == 0
    batches = OfflineStore(store).scan(SIGNAL_TYPES, columns=("event_id", "sequence"))
    kept = [row["event_id"] for batch in batches for row in batch.to_pylist()]
    assert len(kept) == len(set(kept)) == EVENTS + 1
    assert await count(jetstream, "DLQ") == 0
    with capsys.disabled():
        backlog = EVENTS * EVENT_BYTES / 2**20
        print(
            f"\n  sink down for {OUTAGE_SECONDS:.0f} s, backlog {backlog:.0f} MiB: archive held {at_first:.0f} MiB at"
            f" first, {most:.0f} MiB at most; {len(kept):,} of {EVENTS + 1:,} events kept, each once"
        )
    assert most - at_first < MAX_BATCH_BYTES / 2**20


def padded(number: int) -> Envelope:
    return envelope(event_id=f"e{number}", session_started={"surface": "x" * EVENT_BYTES})


def memory(process: subprocess.Popen[bytes]) -> float:
    """In MiB."""
    return float(psutil.Process(process.pid).memory_info().rss / 2**20)


@contextmanager
def archive(server: NatsServer, store: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The archive's own process, which is told to stop at the end."""
    process = subprocess.Popen(  # our own program
        [sys.executable, "-m", "consumers.archive"],
        env=os.environ | {"OO_NATS_URL": server.url, "OO_OFFLINE_STORE": str(store), "OO_HEALTH_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()
