"""The generator as it is deployed, BentoML in processes of its own, for tests that stop, kill and measure it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.integration.health import free_port

ROOT = Path(__file__).parents[2]
SERVICE = "bentos.generator.service:Generator"
READY_SECONDS = 120.0
END_SECONDS = 30.0


@dataclass
class GeneratorProcess:
    """A generator on a free port, which keeps its port from life to life."""

    folder: Path
    """Where its log is written."""
    environment: dict[str, str]
    """Its settings."""
    service: str = SERVICE
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it wrote to standard output and error, over all its lives."""
        return self.folder / f"generator-{self.port}.log"

    def start(self) -> Self:
        """Begin; `wait` says when it answers."""
        command = ["serve", self.service, "--host", "127.0.0.1", "--port", str(self.port)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OO_")}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own program, by its path
                [Path(sys.executable).parent / "bentoml", *command],
                cwd=ROOT,
                env={
                    **inherited,
                    "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
                    "BENTOML_HOME": str(self.folder / "bentoml"),
                    "OO_CATALOG": str(ROOT / "catalog" / "tips.yaml"),
                    "OO_CALLERS": "anyone",
                    **self.environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def wait(self) -> Self:
        """Return once it answers."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, f"the generator was not ready in time: {self.log.read_text()}"
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it in good order, or as a machine does that waits no longer."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"the generator on port {self.port} did not end within {END_SECONDS:g} s")
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End all its processes as a machine does that loses its power."""
        assert self._process is not None
        family = psutil.Process(self._process.pid)
        members = [*family.children(recursive=True), family]
        for member in reversed(members):  # the parent first, or it would start another worker
            member.kill()
        psutil.wait_procs(members, END_SECONDS)
        self._process.wait(END_SECONDS)
        self._process = None

    @property
    def worker(self) -> psutil.Process:
        """The process that answers: the child of BentoML's own that has the most in memory."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        worker: psutil.Process = max(children, key=lambda child: child.memory_info().rss)
        return worker

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics, each by its name with its labels."""
        text = httpx.get(f"{self.url}/metrics").text
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the generator ended: {self.log.read_text()}"
        try:
            return httpx.get(f"{self.url}/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def generators(folder: Path, *environments: dict[str, str], service: str = SERVICE) -> Iterator[list[GeneratorProcess]]:
    """Generators with these settings, started side by side and ready to answer."""
    processes = [GeneratorProcess(folder, environment, service) for environment in environments]
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait()
        yield processes
    finally:
        for process in processes:
            process.stop()
