"""SIGTERM: what is in hand ends, what is not begun goes to another process at once."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.consumer import DRAIN_SECONDS, Consumer
from oo.bus.delivery import Acknowledge, Delivery, Door
from tests.integration.consuming import PATIENCE, SIGNALS, Diary, all_left, consuming, until
from tests.integration.health import answer, free_port
from tests.integration.nats_server import NatsServer

MESSAGES = 3_000


def process(server: NatsServer, port: int, effects: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.integration.bus_process", "slow", str(port), effects, "0.1"],
        env=os.environ | {"OO_NATS_URL": server.url},
        stderr=subprocess.DEVNULL,
    )


async def test_under_load_a_terminated_process_hands_over_without_a_loss_or_a_repetition(
    jetstream: JetStreamContext, nats_server: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await streams.ensure(jetstream)
    effects = tmp_path / "effects"
    effects.touch()
    ports = free_port(), free_port()
    both = [process(nats_server, port, effects) for port in ports]
    try:
        for port in ports:
            await answer(port, "/readyz", 200)
        publishing = asyncio.create_task(load(jetstream))
        await until(lambda: effects.read_text().count("\n") > 400)
        both[0].send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = await asyncio.to_thread(both[0].wait, 30)
        seconds = time.monotonic() - told
        await publishing
        await all_left(jetstream)
        handed_over = time.monotonic() - told
        both[1].send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(both[1].wait, 30) == 0
    finally:
        for each in both:
            each.kill()
            each.wait()
    with capsys.disabled():
        print(f"\n  drained in {seconds:.2f} s under load; all {MESSAGES:,} handled {handed_over:.1f} s after SIGTERM")
    assert code == 0
    assert seconds < DRAIN_SECONDS
    assert handed_over < streams.ACK_WAIT, "nothing had to wait until its delivery ran out"
    assert sorted(map(int, effects.read_text().split())) == list(range(1, MESSAGES + 1))


async def load(js: JetStreamContext) -> None:
    for start in range(0, MESSAGES, 100):
        await asyncio.gather(*(js.publish("signals.session_started", b"%d" % (start + n)) for n in range(100)))


async def test_what_is_not_begun_goes_back_at_once(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    for _ in range(4):
        await jetstream.publish("signals.session_started", b"x")
    puller = await jetstream.pull_subscribe_bind(SIGNALS.name, "SIGNALS")
    for _ in range(2):  # so that each is now handled alone
        taken = await puller.fetch(4, timeout=5)
        while len(taken) < 4:
            taken += await puller.fetch(4, timeout=5)
        for message in taken:
            await message.nak()
    await puller.unsubscribe()
    stop = asyncio.Event()
    begun: list[int] = []

    async def stops(deliveries: Sequence[Delivery]) -> list[Door]:
        begun.extend(delivery.sequence for delivery in deliveries)
        stop.set()
        return [Acknowledge() for _ in deliveries]

    await asyncio.wait_for(Consumer(jetstream, SIGNALS, stops).run(stop), PATIENCE)
    assert len(begun) == 1
    started, other = time.monotonic(), Diary()
    async with consuming(jetstream, other):
        await all_left(jetstream)
    assert time.monotonic() - started < streams.ACK_WAIT / 3
    assert sorted(delivery.sequence for delivery in other.deliveries) == sorted({1, 2, 3, 4} - set(begun))


async def test_a_batch_that_does_not_end_in_time_goes_back_too(
    jetstream: JetStreamContext, caplog: pytest.LogCaptureFixture
) -> None:
    await streams.ensure(jetstream)
    await jetstream.publish("signals.session_started", b"x")
    stop, working = asyncio.Event(), asyncio.Event()

    async def hangs(_: Sequence[Delivery]) -> list[Door]:
        working.set()
        await asyncio.Event().wait()
        return []

    running = asyncio.create_task(Consumer(jetstream, SIGNALS, hangs, drain_seconds=0.3).run(stop))
    await asyncio.wait_for(working.wait(), PATIENCE)
    stop.set()
    started = time.monotonic()
    await asyncio.wait_for(running, PATIENCE)
    assert 0.2 < time.monotonic() - started < 5
    assert "not drained in time, the batch in hand goes back" in caplog.messages
    other = Diary()
    async with consuming(jetstream, other):
        await all_left(jetstream)
    assert time.monotonic() - started < streams.ACK_WAIT / 3
    assert [delivery.delivered for delivery in other.deliveries] == [2]
