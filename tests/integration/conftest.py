"""Real servers on free ports, each in a temporary folder."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.local import leftovers, preflight, stack
from oo.local.settings import StackSettings
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


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    """The whole local stack, which all tests that ask for it share: each keeps to a tenant or to ids of its own."""
    settings = StackSettings.on_free_ports(tmp_path_factory.mktemp("stack"))
    try:
        stack.up(settings, lambda _what, _news: None)
        yield settings
    finally:
        stack.down(settings, lambda _what, _news: None)
    assert leftovers.find(settings.state_dir) == set(), "a process outlived `make down`"
    assert not [port for port in settings.ports.values() if preflight.is_taken(port)], "a port outlived `make down`"
