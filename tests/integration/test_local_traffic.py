"""The real Envoy before three small servers that say who they are, and the laptop's actuator that moves its traffic."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from oo.errors import TrafficRefused
from oo.local import envoy
from oo.local.settings import StackSettings
from oo.local.traffic import LocalTraffic
from oo.registry.history import Subject
from oo.rollout.traffic import Traffic
from tests.integration.consuming import until
from tests.integration.waiting import until as awaited

DIGITS, TIPS = Subject(kind="model", name="digits"), Subject(kind="model", name="tips")
SHADOWED = Traffic(DIGITS, "1", "2", mirror=True)
BACK = Traffic(DIGITS, "1")


def split(percent: int) -> Traffic:
    return Traffic(DIGITS, "1", "2", percent=percent)


@dataclass
class Scorer:
    """Answers with its name, and tells which version it serves."""

    name: str
    version: int = 1
    asked: list[bytes] = field(default_factory=list)
    _callers: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._callers.add(asyncio.create_task(self._answer(reader, writer)))

        async with await asyncio.start_server(called, "127.0.0.1", port):
            yield
            for caller in self._callers:
                caller.cancel()
            await asyncio.gather(*self._callers, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = next((int(line[15:]) for line in head.splitlines() if line.startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                answer = f'oo_model_version{{model="digits"}} {self.version}.0\noo_model_version{{model="tips"}} 1.0\n'
                if head.startswith("post"):
                    self.asked.append(body)
                    answer = self.name
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\n\r\n{answer}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass
class Stack:
    """What runs."""

    settings: StackSettings
    scorers: dict[str, Scorer]
    traffic: LocalTraffic

    async def ask(self, requests: int = 1, body: bytes = b"{}") -> Counter[str]:
        """Who answered how often; a request that fails raises."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.settings.scorer_port}") as client:
            answers = [await client.post("/score", content=body) for _ in range(requests)]
        assert {answer.status_code for answer in answers} == {200}
        return Counter(answer.text for answer in answers)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    settings = StackSettings.on_free_ports(tmp_path)
    ports = {
        envoy.STABLE: settings.scorer_stable_port,
        envoy.SHADOW: settings.scorer_shadow_port,
        envoy.CANARY: settings.scorer_canary_port,
    }
    async with AsyncExitStack() as running:
        scorers = {name: Scorer(name) for name in ports}
        for name, port in ports.items():
            await running.enter_async_context(scorers[name].serving(port))
        proxy = _proxy(settings)
        running.callback(proxy.communicate)
        running.callback(proxy.terminate)
        await _ready(settings)
        yield Stack(settings, scorers, LocalTraffic(settings, patience=10))


def _proxy(settings: StackSettings) -> subprocess.Popen[bytes]:
    ports = (
        *(settings.scorer_port, settings.envoy_admin_port),
        *(settings.scorer_stable_port, settings.scorer_shadow_port, settings.scorer_canary_port),
    )
    command = [sys.executable, "-m", "oo.local.envoy", str(settings.traffic_dir), *map(str, ports)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603  # our own program


async def _ready(settings: StackSettings) -> None:
    async with httpx.AsyncClient() as client:

        async def live() -> bool:
            try:
                ready = await client.get(f"http://127.0.0.1:{settings.envoy_admin_port}/ready")
            except httpx.TransportError:
                return False
            return ready.status_code == 200

        await awaited(live)


async def test_at_first_the_stable_scorer_answers_everybody(stack: Stack) -> None:
    assert await stack.ask(20) == {"stable": 20}
    assert await stack.traffic.current(DIGITS) is None


async def test_a_shadow_gets_a_copy_of_each_request_however_long_and_answers_nobody(stack: Stack) -> None:
    stack.scorers[envoy.SHADOW].version = 2
    await stack.traffic.apply(SHADOWED)
    long = json.dumps({"x": "a" * 900_000}).encode()

    assert await stack.ask(5) + await stack.ask(3, long) == {"stable": 8}
    shadow = stack.scorers[envoy.SHADOW]
    await until(lambda: len(shadow.asked) == 8)
    assert shadow.asked.count(long) == 3
    assert await stack.traffic.current(DIGITS) == SHADOWED


async def test_a_canary_gets_its_share_and_no_request_fails_while_it_changes(stack: Stack) -> None:
    stack.scorers[envoy.CANARY].version = 2
    answered: Counter[str] = Counter()
    done = asyncio.Event()

    async def keep_asking() -> None:
        while not done.is_set():
            answered.update(await stack.ask(10))

    asking = asyncio.create_task(keep_asking())
    for percent in (1, 25, 50):
        await stack.traffic.apply(split(percent))
    shares = await stack.ask(400)
    await stack.traffic.apply(BACK)
    after = await stack.ask(50)
    done.set()
    await asking
    assert 140 < shares["canary"] < 260
    assert after == {"stable": 50}
    assert answered["stable"]


async def test_nothing_goes_to_a_canary_that_does_not_serve_the_candidate_yet(stack: Stack) -> None:
    with pytest.raises(TrafficRefused, match=r"scorer-canary serves digits 2: not within 0\.3 s"):
        await LocalTraffic(stack.settings, patience=0.3).apply(split(50))

    assert await stack.ask(20) == {"stable": 20}


async def test_a_promoted_version_is_served_by_stable_before_the_canary_loses_its_share(stack: Stack) -> None:
    stack.scorers[envoy.CANARY].version = 2
    await stack.traffic.apply(split(50))
    promoted = asyncio.create_task(stack.traffic.apply(Traffic(DIGITS, "2")))

    assert (await stack.ask(50))["canary"]
    stack.scorers[envoy.STABLE].version = 2
    await promoted
    assert await stack.ask(20) == {"stable": 20}


async def test_a_second_model_waits_until_the_first_is_through(stack: Stack) -> None:
    stack.scorers[envoy.SHADOW].version = 2
    await stack.traffic.apply(SHADOWED)

    with pytest.raises(TrafficRefused, match="tips must wait: digits 2 is on its way"):
        await stack.traffic.apply(Traffic(TIPS, "1", "2", mirror=True))
    await stack.traffic.apply(Traffic(TIPS, "1"))  # which it has
    assert await stack.traffic.current(DIGITS) == SHADOWED


async def test_a_proxy_that_comes_back_splits_as_before(stack: Stack) -> None:
    stack.scorers[envoy.CANARY].version = 2
    await stack.traffic.apply(split(50))
    beside = StackSettings.on_free_ports(stack.settings.state_dir)
    again = stack.settings.model_copy(
        update={"scorer_port": beside.scorer_port, "envoy_admin_port": beside.envoy_admin_port}
    )
    proxy = _proxy(again)
    try:
        await _ready(again)
        assert (await Stack(again, stack.scorers, stack.traffic).ask(100))["canary"] > 20
    finally:
        proxy.terminate()
        proxy.communicate()
