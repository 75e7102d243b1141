"""A minute without a sink: nothing is lost, nothing piles up, and the health says what it is."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from nats.aio.client import Client

from oo.bus.publisher import publish, publish_many
from oo.bus.pull import MAX_BATCH_BYTES
from oo.events.envelope import Envelope
from oo.offline.store import SIGNAL_TYPES, OfflineStore
from tests.envelopes import envelope
from tests.integration.consuming import NAMED, PATIENCE, all_left, count
from tests.integration.health import answer, free_port
from tests.integration.nats_server import NatsServer

OUTAGE_SECONDS = 60.0
EVENTS, EVENT_BYTES = 20_000, 4_000


async def test_a_sink_that_is_down_for_a_minute_loses_nothing_and_costs_no_memory(
    client: Client, nats_server: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, aside = tmp_path / "offline", tmp_path / "aside"
    port, jetstream = free_port(), client.jetstream()
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
