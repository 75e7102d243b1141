"""The generator as it is deployed, in front of a language model that runs on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import nats
import pytest
from nats.js import JetStreamContext

from oo.local import llama
from oo.local.settings import PROJECT_DIR
from tests.integration.health import free_port
from tests.integration.nats_server import NatsServer

READY_WITHIN_SECONDS = 180
ANSWERED_WITHIN_SECONDS = 120


@pytest.fixture(scope="session")
def llama_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a language model that is ready to answer."""
    port = free_port()
    log = tmp_path_factory.mktemp("llama") / "log"
    with _serving([sys.executable, "-m", "oo.local.llama", str(port)], {}, f"http://127.0.0.1:{port}/health", log):
        yield port


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_server.url)
    yield client.jetstream()
    await client.close()


@pytest.fixture
def generator_url(llama_port: int, nats_server: NatsServer, tmp_path: Path) -> Iterator[str]:
    """The address of a generator that asks the language model for each tip."""
    environment = llama.generator_environment(llama_port) | {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "OO_NATS_URL": nats_server.url,
        "OO_CATALOG": str(PROJECT_DIR / "catalog" / "tips.yaml"),
        "OO_CALLERS": "anyone",
        "OO_TIP_CACHE_SECONDS": "0",
        # What a busy machine takes for a tip, and for the bus beside it, is not what is tried here.
        "OO_LLM_TIMEOUT": str(ANSWERED_WITHIN_SECONDS),
        "OO_ONLINE_STORE_TIMEOUT": "5",
        "OO_DECISION_LOG_TIMEOUT": "5",
    }
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = ["serve", "bentos.generator.service:Generator", "--host", "127.0.0.1", "--port", str(port)]
    with _serving([sys.executable, "-m", "bentoml", *serve], environment, f"{url}/readyz", tmp_path / "generator.log"):
        yield url


@contextmanager
def _serving(command: Sequence[str], environment: Mapping[str, str], health: str, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603  # our own program, by its path
            command, cwd=PROJECT_DIR, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not _answers(health):
            assert server.poll() is None, f"it ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"it was not ready in time: {log.read_text()}"
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(30)


def _answers(health: str) -> bool:
    try:
        return httpx.get(health).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
