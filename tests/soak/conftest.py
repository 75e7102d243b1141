"""What a run is out of, and where it takes place. OO_SOAK_EVENTS says how many events, OO_SOAK_SEED which."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from nats.aio.client import Client

from oo.bus import streams
from oo.bus.connection import connect
from oo.events.subjects import DURABLES
from tests.integration.nats_server import NatsServer
from tests.postgres_server import database_of_its_own, postgres_server, programs

ACK_WAIT = 10.0
"""What a dead process held is delivered again after so long; the default of 30 s would be most of a run."""
ZONE = "Asia/Kathmandu"
"""Of PostgreSQL: 5 h 45 min ahead, so who takes a time for the server's own is found out."""


@pytest.fixture
def events() -> int:
    return int(os.environ.get("OO_SOAK_EVENTS", "20000"))


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("OO_SOAK_SEED", "20261122"))


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection that comes back, to a server on which everything is set up."""
    client = await connect(nats_server.url, "oo-soak")
    js = client.jetstream()
    await streams.ensure(js)
    for durable in DURABLES:
        config = (await js.consumer_info(durable.stream, durable.name)).config
        await js.add_consumer(durable.stream, config.evolve(ack_wait=ACK_WAIT))
    yield client
    await client.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the wanted product."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tip_scores.db'}"
        return
    if programs() is None:
        pytest.skip("PostgreSQL's server is not installed")
    with postgres_server() as server, database_of_its_own(server, "soak") as url:
        folder = server.rpartition("host=")[2]
        with psycopg.connect(f"host={folder} user=oo dbname=soak", autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE soak SET timezone TO '{ZONE}'")
        yield url
