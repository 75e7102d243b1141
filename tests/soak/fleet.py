"""The consumers as processes, three of each, which are killed and started again."""

import asyncio
import os
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from oo.events.subjects import ConsumerName
from tests.integration.health import free_port

CONSUMERS: tuple[ConsumerName, ...] = ("signals", "archive", "rewards")
REPLICAS = 3
READY_SECONDS = 90.0
END_SECONDS = 60.0
TAIL = 15
"""Lines of a log that a failure shows."""


@dataclass(slots=True)
class Replica:
    """One process, of whichever life."""

    name: str
    port: int
    log: Path
    process: asyncio.subprocess.Process

    def peak_bytes(self) -> int:
        """The most memory that it has held, as the kernel counts."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL:])


class ReplicaEnded(AssertionError):
    """A process that ended by itself."""


class Fleet:
    """The processes of all consumers.

    Args:
        environment: their settings.
        logs: where each life of each process has a file.
    """

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self._environment = environment
        self._logs = logs
        self._http = httpx.AsyncClient(timeout=5.0)
        self._replicas: dict[str, Replica] = {}
        self._lives: defaultdict[str, int] = defaultdict(int)
        self.peaks: defaultdict[ConsumerName, int] = defaultdict(int)
        """The most memory that a process of each consumer has held, in bytes."""

    async def start(self) -> None:
        await asyncio.gather(*(self._start(f"{name}-{of}") for name in CONSUMERS for of in range(1, REPLICAS + 1)))

    async def ready(self) -> None:
        """Return once every process can take messages."""
        deadline = time.monotonic() + READY_SECONDS
        for replica in self._replicas.values():
            while await self._answer(replica, "/readyz") is None:
                self.look()
                assert time.monotonic() < deadline, (
                    f"{replica.name} is not ready; {replica.log} ends:\n{replica.tail()}"
                )
                await asyncio.sleep(0.05)

    def look(self) -> None:
        """Raise when a process has ended that nobody has killed."""
        for replica in self._replicas.values():
            if replica.process.returncode is not None:
                ended = f"{replica.name} ended with {replica.process.returncode}; {replica.log} ends:"
                raise ReplicaEnded(f"{ended}\n{replica.tail()}")

    async def has_work(self, name: str) -> bool:
        """Whether this process holds a batch at this moment."""
        metrics = await self._answer(self._replicas[name], "/metrics") or ""
        return _total(metrics, "oo_batch_size_count") > _total(metrics, "oo_batch_seconds_count")

    async def kill(self, name: str) -> None:
        """SIGKILL, and at once another in its place."""
        replica = self._replicas.pop(name)
        self._remember(replica)
        replica.process.send_signal(signal.SIGKILL)
        assert await replica.process.wait() == -signal.SIGKILL
        await self._start(name)

    async def freeze(self, name: str, seconds: float) -> None:
        """Let it stand still, as a machine does that is moved, or swaps; then it goes on where it was."""
        process = self._replicas[name].process
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    async def stop(self) -> dict[str, int]:
        """End all in good order; how each ended, by its name. Who does not end in time is killed."""
        replicas = list(self._replicas.values())
        self._replicas.clear()
        for replica in replicas:
            if replica.process.returncode is None:
                self._remember(replica)
                replica.process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await asyncio.gather(*(replica.process.wait() for replica in replicas))
        for replica in replicas:
            if replica.process.returncode is None:
                replica.process.kill()
                await replica.process.wait()
        await self._http.aclose()
        return {replica.name: replica.process.returncode or 0 for replica in replicas}

    async def _start(self, name: str) -> None:
        self._lives[name] += 1
        log, port = self._logs / f"{name}.{self._lives[name]}.log", free_port()
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"consumers.{_consumer(name)}",
                env={**os.environ, **self._environment, "OO_HEALTH_PORT": str(port)},
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )
        self._replicas[name] = Replica(name, port, log, process)

    def _remember(self, replica: Replica) -> None:
        with suppress(OSError):  # it is gone already
            consumer = _consumer(replica.name)
            self.peaks[consumer] = max(self.peaks[consumer], replica.peak_bytes())

    async def _answer(self, replica: Replica, path: str) -> str | None:
        """What it says; None while it does not, or is not well."""
        try:
            response = await self._http.get(f"http://127.0.0.1:{replica.port}{path}")
        except httpx.TransportError:
            return None
        return response.text if response.is_success else None


def _consumer(name: str) -> ConsumerName:
    return next(consumer for consumer in CONSUMERS if name.startswith(f"{consumer}-"))


def _total(metrics: str, name: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", metrics, re.MULTILINE))
