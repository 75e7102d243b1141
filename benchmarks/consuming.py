"""What the consumers keep up with: each sink at the rate of its consumer, beside fetching and acknowledging alone.

Each reads the same stream in a process of its own, `python -m benchmarks.consuming NAME URL FOLDER`, which so has its
own peak of memory; the processes run one after the other.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from nats.js import JetStreamContext

from consumers.archive import keeping
from consumers.signals import folding
from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.consumer import Consumer, Handle
from oo.bus.delivery import Acknowledge, Delivery, Door
from oo.bus.handling import events_only
from oo.bus.publisher import publish_many
from oo.bus.tombstones import Tombstones
from oo.collector import collecting_between_steps
from oo.events.envelope import Envelope
from oo.events.signals import ActivityCompleted
from oo.events.subjects import DURABLES
from oo.features.nats_online_store import NatsOnlineStore
from oo.offline.store import OfflineStore
from oo.settings import ArchiveSettings, ConsumerSettings
from oo.training.peak_memory import peak_mib

EVENTS = 20_000
PEOPLE = 2_000
ROUNDS = 3
BARE = "bare fetch and ack"
_START = datetime(2026, 11, 20, tzinfo=UTC)


class Rate(NamedTuple):
    """How one reader got through the stream."""

    per_second: float
    per_cpu_second: float
    """Of the reader's own process; the server's work is not in it."""
    peak_mib: float


def signal_event(number: int) -> Envelope:
    """One event of some 200 bytes, of one of 2,000 people."""
    return Envelope(
        event_id=f"event-{number}",
        schema_version="v1",
        producer="bench",
        occurred_at=_START + timedelta(seconds=number),
        tenant_id="example",
        user_id=f"user-{number % PEOPLE}",
        activity_completed=ActivityCompleted(activity="walk", duration=timedelta(minutes=10)),
    )


def rates() -> dict[str, Rate]:
    """The best of `ROUNDS`, each on a fresh server: what else the machine does only makes it slower."""
    rounds = [_round() for _ in range(ROUNDS)]
    return {name: max(each[name] for each in rounds) for name in READERS}


def _round() -> dict[str, Rate]:
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as url:
        asyncio.run(_fill(url))
        return {name: _measured(name, url, folder) for name in READERS}


def _measured(name: str, url: str, folder: str) -> Rate:
    command = [sys.executable, "-m", "benchmarks.consuming", name, url, folder]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # our own
    return Rate(**json.loads(done.stdout))


async def _fill(url: str) -> None:
    async with _bus(url) as js:
        await streams.ensure(js)
        await publish_many(js, map(signal_event, range(EVENTS)))


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    program = Path(sys.executable).parent / "nats-server"
    where = ["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", str(folder)]
    command = [str(program), "-js", "-sd", str(folder / "nats"), *where]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603  # the same
        try:
            ports = folder / f"nats-server_{server.pid}.ports"
            while not (ports.exists() and (written := ports.read_text())):
                time.sleep(0.02)
            yield json.loads(written)["nats"][0]
        finally:
            server.terminate()


@asynccontextmanager
async def _bus(url: str) -> AsyncIterator[JetStreamContext]:
    client = await connect(url, "bench")
    yield client.jetstream()
    await client.close()


async def _bare(js: JetStreamContext, _folder: Path) -> None:
    durable = await js.pull_subscribe("signals.>", "bare", stream="SIGNALS")
    seen = 0
    while seen < EVENTS:
        messages = await durable.fetch(ConsumerSettings().batch_size, timeout=5)
        for message in messages:
            await message.ack()
        seen += len(messages)


async def _signals(js: JetStreamContext, _folder: Path) -> None:
    bucket = await js.key_value(streams.FEATURES_BUCKET)
    store = NatsOnlineStore(bucket, Random(0))  # noqa: S311  # spreads retries
    await _consumed(
        js, "signals-signals", events_only(folding(store), tombstones=Tombstones(js)), ConsumerSettings().batch_size
    )


async def _archive(js: JetStreamContext, folder: Path) -> None:
    store = OfflineStore(folder / "events")
    settings = ArchiveSettings()
    await _consumed(
        js,
        "archive-signals",
        events_only(keeping(store), tombstones=Tombstones(js)),
        settings.batch_size,
        settings.batch_seconds,
    )


async def _consumed(
    js: JetStreamContext, name: str, handle: Handle, batch_size: int, fill_seconds: float | None = None
) -> None:
    durable = next(durable for durable in DURABLES if durable.name == name)
    stop, seen = asyncio.Event(), 0

    async def counted(deliveries: Sequence[Delivery]) -> Sequence[Door]:
        nonlocal seen
        doors = await handle(deliveries)
        assert all(door == Acknowledge() for door in doors), doors  # noqa: S101  # a rate of failures is none
        seen += len(doors)
        if seen >= EVENTS:
            stop.set()
        return doors

    await Consumer(js, durable, counted, batch_size=batch_size, fill_seconds=fill_seconds).run(stop)


READERS: dict[str, Callable[[JetStreamContext, Path], Awaitable[None]]] = {
    BARE: _bare,
    "signals": _signals,
    "archive": _archive,
}


async def _read(name: str, url: str, folder: Path) -> Rate:
    async with _bus(url) as js:
        with collecting_between_steps():
            started, busy = time.perf_counter(), time.process_time()
            await READERS[name](js, folder)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
    return Rate(EVENTS / seconds, EVENTS / busy, peak_mib())


if __name__ == "__main__":
    _name, _url, _folder = sys.argv[1:]
    json.dump(asyncio.run(_read(_name, _url, Path(_folder)))._asdict(), sys.stdout)
