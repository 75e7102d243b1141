import asyncio
import logging
import socket

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.connection import connect, drain
from oo.bus.streams import Limits
from oo.errors import BusUnreachable
from oo.settings import ProcessSettings
from oo.wiring.process import on_the_bus
from tests.integration.consuming import PATIENCE, until
from tests.integration.nats_server import NatsServer


async def test_a_connection_names_its_process(nats_url: str) -> None:
    client = await connect(nats_url, "oo-tests")
    assert client.is_connected
    assert client.options["name"] == "oo-tests"
    await client.close()


async def test_a_server_that_is_not_there_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.connection.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(BusUnreachable) as refused:
        await connect(f"nats://ada:secret@127.0.0.1:{port}", "oo-tests")
    assert f"no NATS server answered at 127.0.0.1:{port}" in str(refused.value)
    assert "is it running? `make up`" in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_what_answers_but_is_no_nats_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.connection.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(BusUnreachable):
        await connect(f"nats://127.0.0.1:{silent.getsockname()[1]}", "oo-tests")


async def test_a_lost_connection_comes_back_and_says_so(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="oo.bus.connection")
    client = await connect(nats_server.url, "oo-tests")
    nats_server.stop()
    await until(lambda: not client.is_connected)
    nats_server.start()
    await until(lambda: client.is_connected)
    await client.flush()
    await until(lambda: "bus connection is back" in caplog.messages)
    assert "bus connection lost, reconnecting" in caplog.messages
    await client.close()


async def test_a_server_that_says_nothing_is_not_waited_for_when_a_process_ends(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect(nats_server.url, "oo-tests")
    await client.subscribe("somewhere")
    nats_server.freeze()
    monkeypatch.setattr("oo.bus.connection.FLUSH_SECONDS", 0.1)
    monkeypatch.setattr(client, "flush", asyncio.Event().wait)  # as long as the client itself would wait
    try:
        async with asyncio.timeout(PATIENCE):
            await drain(client)
    finally:
        nats_server.thaw()
    assert client.is_closed


async def test_what_a_start_asks_and_loses_with_the_server_is_asked_again(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[JetStreamContext] = []

    async def ensure(js: JetStreamContext, limits: Limits) -> None:
        asked.append(js)
        if len(asked) > 1:
            return await streams.ensure(js, limits)
        client = js._nc  # noqa: SLF001  # the context has no public way to its connection
        sent = client.stats["out_msgs"]
        nats_server.freeze()
        asking = asyncio.create_task(streams.ensure(js, limits))
        await until(lambda: client.stats["out_msgs"] > sent)
        nats_server.kill()
        nats_server.start()
        return await asking

    monkeypatch.setattr("oo.wiring.process.ensure", ensure)
    monkeypatch.setattr("oo.wiring.process.configure_logging", lambda _: None)
    async with on_the_bus(ProcessSettings(nats_url=nats_server.url), "oo-tests") as js:
        assert (await js.stream_info("SIGNALS")).config.name == "SIGNALS"
    assert len(asked) == 2
