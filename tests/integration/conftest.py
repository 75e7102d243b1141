"""Real servers on free ports, each in a temporary folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.integration.nats_server import NatsServer


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    return tmp_path / "jetstream"


@pytest.fixture
def nats_server(store_dir: Path, tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(store_dir, tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> str:
    return nats_server.url


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    client = await nats.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
def jetstream(nats_client: Client) -> JetStreamContext:
    return nats_client.jetstream()
