"""Real servers on free ports, each in a temporary folder."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext


def nats_server_program() -> str:
    return str(Path(sys.executable).parent / "nats-server")


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    return tmp_path / "jetstream"


@pytest.fixture
def nats_url(store_dir: Path, tmp_path: Path) -> Iterator[str]:
    """A JetStream server of this test's own; it writes the port that it took to a file."""
    arguments = [nats_server_program(), "-js", "-sd", str(store_dir), "-a", "127.0.0.1", "-p", "-1"]
    server = subprocess.Popen(  # noqa: S603  # our own program, by its path
        [*arguments, "--ports_file_dir", str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    ports = tmp_path / f"nats-server_{server.pid}.ports"
    try:
        import json, time

        deadline = time.monotonic() + 20
        while True:
            try:
                yield_url = json.loads(ports.read_text())["nats"][0]
                break
            except (OSError, ValueError):
                assert server.poll() is None, "nats-server ended"
                assert time.monotonic() < deadline, "nats-server wrote no ports file"
                time.sleep(0.02)
        yield yield_url
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
async def nats_client(nats_url: str) -> AsyncIterator[Client]:
    client = await nats.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
def jetstream(nats_client: Client) -> JetStreamContext:
    return nats_client.jetstream()
