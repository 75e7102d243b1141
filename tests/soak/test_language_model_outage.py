"""Whatever becomes of the language model's endpoint, each gets a tip in time, and the process keeps its shape."""

import asyncio
import json
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from oo.collector import collecting_between_steps
from tests.integration.chat_server import Mood
from tests.integration.generator_process import GeneratorProcess, generators
from tests.integration.nats_server import NatsServer
from tests.soak.model_endpoint import TIP, ModelEndpoint

CAP_MS = 300.0
GRACE_MS = 50.0
REQUESTS, CLIENTS = 2_000, 4
ROUNDS = 2
"""Each phase comes once a round: what grows in the first and not in the second is no leak."""
WARM_UP = 100
PATIENCE = 30.0
HEARTBEAT_SECONDS = 0.005

Say = Callable[[str], None]

# A busy machine runs out of time before anything else goes wrong, or hears nothing of the ledger.
BUSY = {"timeout", "budget_unknown"}
FAILED = {"llm_failed"} | BUSY
TOO_LONG = {"completion_too_long"} | BUSY
MOODS: dict[Mood, set[str]] = {
    "failing": FAILED,
    "refusing": FAILED,
    "rate_limited": FAILED,
    "garbled": FAILED,
    "cut_off": FAILED,
    "choiceless": FAILED,
    "hanging_up": FAILED,
    "odd": FAILED,
    "truncated": {"guardrail:not_a_tip"} | BUSY,
    "slow": BUSY,
    "silent": BUSY,
    "endless": TOO_LONG,
    "musing": TOO_LONG,
    "oversized": TOO_LONG,
}
"""What the endpoint does, and the reasons of which each tip names one."""
BLOWS: dict[str, set[str]] = {"frozen": BUSY, "killed": FAILED, "gone": FAILED}
"""What is done to the endpoint: killed with requests in hand, and then not there."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request, as its client saw it."""

    phase: str
    status: int
    answer: dict[str, Any]
    ms: float
    stalled_ms: float
    """How long the machine kept client and generator waiting for their turn once the cap was over."""

    @property
    def over(self) -> bool:
        return self.ms > CAP_MS + GRACE_MS

    @property
    def late(self) -> bool:
        """Over, and not by the machine's fault."""
        return self.ms - self.stalled_ms > CAP_MS + GRACE_MS


@dataclass(frozen=True, slots=True)
class Beat:
    """A moment at which the client had its turn."""

    at: float
    late_ms: float
    """Since it should have had it."""
    waited_ms: float
    """For a processor, the generator since its start."""


@dataclass
class Clients:
    """A handful of callers that keep their connections, and a heartbeat beside them."""

    generator: GeneratorProcess
    answered: list[Answered] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _beats: list[Beat] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._scheduled = Path(f"/proc/{self.generator.worker.pid}/schedstat")

    async def ask(self, phase: str, requests: int) -> list[Answered]:
        """So many requests, `CLIENTS` of them at once."""
        left, done = iter(range(requests)), []
        self._beats = [self._beat(time.monotonic())]
        beating = asyncio.create_task(self._keep_beating())

        async def ask_on() -> None:
            async with _connected(self.generator.port) as connection:
                done.extend([await self._ask(phase, connection) for _ in left])

        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(ask_on())
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        self.answered += done
        return done

    async def _ask(self, phase: str, connection: "Connection") -> Answered:
        began = time.monotonic()
        status, answer = await connection.post({"tenant_id": "example", "user_id": f"user-{next(self._numbers)}"})
        now = time.monotonic()
        return Answered(phase, status, answer, (now - began) * 1000, self._stalled_ms(began, now))

    def _stalled_ms(self, began: float, now: float) -> float:
        place = bisect_right(self._beats, began + CAP_MS / 1000, key=lambda beat: beat.at)
        at_cap, *since = self._beats[place - 1 :]
        return max((beat.late_ms for beat in since), default=0.0) + self._beat(now).waited_ms - at_cap.waited_ms

    async def _keep_beating(self) -> None:
        while True:
            due = time.monotonic() + HEARTBEAT_SECONDS
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._beats.append(self._beat(due))

    def _beat(self, due: float) -> Beat:
        now = time.monotonic()
        _, waited_ns, _ = self._scheduled.read_text().split()
        return Beat(now, (now - due) * 1000, int(waited_ns) / 1e6)


@dataclass(frozen=True, slots=True)
class Connection:
    """HTTP with next to no work of its own."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, content: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and body of the answer."""
        body = json.dumps(content).encode()
        self.writer.write(
            b"POST /generate HTTP/1.1\r\nhost: oo\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split()[0])
        return int(head.split()[1]), json.loads(await self.reader.readexactly(length))


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a process holds."""

    threads: int
    files: int
    tasks: int
    mib: float


def shape_of(generator: GeneratorProcess) -> Shape:
    worker, metrics = generator.worker, generator.metrics()
    return Shape(
        threads=worker.num_threads(),
        files=worker.num_fds(),
        tasks=int(metrics["oo_asyncio_tasks"]),
        mib=worker.memory_info().rss / 2**20,
    )


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def printed(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return printed


@pytest.fixture
def endpoint() -> Iterator[ModelEndpoint]:
    endpoint = ModelEndpoint()
    endpoint.start()
    yield endpoint
    endpoint.kill()


@pytest.fixture
def generator(nats_server: NatsServer, endpoint: ModelEndpoint, tmp_path: Path) -> Iterator[GeneratorProcess]:
    environment = {
        "OO_NATS_URL": nats_server.url,
        "OO_LLM_MODEL": "openai/tiny",
        "OO_LLM_API_BASE": endpoint.url,
        "OO_LLM_PRICES": '{"openai/tiny": {"prompt": 0.1, "completion": 0.4}}',
        "OO_LLM_TIMEOUT": str(CAP_MS / 1000),
    }
    with generators(tmp_path, environment) as (process,):
        yield process


@pytest.fixture
async def clients(generator: GeneratorProcess) -> AsyncIterator[Clients]:
    with collecting_between_steps():  # a full collection of what pytest holds takes 100 ms, and would pass for a stall
        yield Clients(generator)


async def test_an_endpoint_that_fails_in_any_way_costs_nobody_a_tip_and_the_process_nothing(
    clients: Clients, generator: GeneratorProcess, endpoint: ModelEndpoint, seed: int, say: Say
) -> None:
    await asyncio.to_thread(endpoint.be, "helpful")
    await clients.ask("warm-up", WARM_UP)
    clients.answered.clear()
    shapes = [await asyncio.to_thread(shape_of, generator)]
    say(f"\n  seed {seed} (OO_SOAK_SEED), cap {CAP_MS:.0f} ms, {CLIENTS} requests at once; at first {shapes[0]}")
    phases = [*MOODS, *BLOWS]
    draw = Random(seed)  # noqa: S311  # an order
    parts = ROUNDS * len(phases)
    for part in range(parts):
        if part % len(phases) == 0:
            draw.shuffle(phases)
        phase = phases[part % len(phases)]
        requests = REQUESTS * (part + 1) // parts - REQUESTS * part // parts
        say(_line(phase, await _endure(clients, endpoint, phase, requests)))
        if (part + 1) % len(phases) == 0:
            shapes.append(await asyncio.to_thread(shape_of, generator))
            say(f"  {shapes[-1]}")

    assert len(clients.answered) == REQUESTS
    reasons_of: dict[str, set[str]] = dict(chain(MOODS.items(), BLOWS.items()))
    for each in clients.answered:
        assert each.status == 200, each
        assert each.answer["model"] is None, each
        assert each.answer["tip"]["title"], each
        assert set(each.answer["degraded"]) & reasons_of[each.phase], each

    over, late = (sum(getattr(each, name) for each in clients.answered) for name in ("over", "late"))
    most_ms = max(each.ms for each in clients.answered)
    say(f"  of {REQUESTS} over {over}, late {late}, {most_ms:.0f} ms at most")
    assert not late
    _, first, last = shapes
    assert last.tasks <= first.tasks + CLIENTS
    assert last.threads <= first.threads + CLIENTS
    assert last.files <= first.files + CLIENTS
    assert last.mib <= first.mib + 64

    await asyncio.to_thread(endpoint.be, "helpful")
    by_model = 0
    async with asyncio.timeout(PATIENCE):
        while by_model < CLIENTS:  # one after the other: on a busy machine several at once may never keep to the cap
            (answered,) = await clients.ask("back", 1)
            by_model += answered.answer["tip"]["title"] == TIP["title"]


async def _endure(clients: Clients, endpoint: ModelEndpoint, phase: str, requests: int) -> list[Answered]:
    """The requests of one phase; afterwards the endpoint is there."""
    match phase:
        case "frozen":
            endpoint.freeze()
            answered = await clients.ask(phase, requests)
            endpoint.thaw()
        case "gone":
            endpoint.kill()
            answered = await clients.ask(phase, requests)
            await asyncio.to_thread(endpoint.start)
        case "killed":
            await asyncio.to_thread(endpoint.be, "slow")
            asking = asyncio.create_task(clients.ask(phase, requests))
            await asyncio.sleep(CAP_MS / 2000)  # half of a request
            endpoint.kill()
            answered = await asking
            await asyncio.to_thread(endpoint.start)
        case _:
            await asyncio.to_thread(endpoint.be, cast("Mood", phase))
            answered = await clients.ask(phase, requests)
    return answered


def _line(phase: str, answered: list[Answered]) -> str:
    times = sorted(each.ms for each in answered)
    over, late = (sum(getattr(each, name) for each in answered) for name in ("over", "late"))
    stalls = max(each.stalled_ms for each in answered)
    reasons = Counter(reason for each in answered for reason in each.answer["degraded"])
    told = ", ".join(f"{reason} {times}" for reason, times in reasons.most_common())
    return (
        f"  {phase:12} {len(times):4}  p50 {times[len(times) // 2]:4.0f}  p99 {times[int(len(times) * 0.99)]:4.0f}"
        f"  most {times[-1]:4.0f} ms  over {over}, late {late}, stalled {stalls:.0f} ms at most  {told}"
    )
