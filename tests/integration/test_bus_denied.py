"""A NATS user that may not do what its process needs: told clearly, and nothing is lost."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.exceeded import ExceededBurial
from oo.bus.publisher import publish
from oo.errors import BusUnreachable
from oo.settings import ProcessSettings
from oo.wiring.process import on_the_bus
from tests.envelopes import envelope
from tests.integration.consuming import NAMED, SIGNALS, Diary, HandClock, all_left, arrived, consuming, count, until
from tests.integration.nats_server import NatsServer

USERS = """
authorization {{ users = [
  {{ user: admin, password: pw }}
  {{ user: limited, password: pw, permissions: {{ publish: {{ deny: [{denied}] }} }} }}
] }}
"""


@pytest.fixture
def server(store_dir: Path, tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(store_dir, tmp_path)
    yield server
    server.stop()


@pytest.fixture
async def admin(server: NatsServer) -> AsyncIterator[JetStreamContext]:
    """Of a user that may do everything, on a server where `limited` may too, but for dead letters."""
    deny(server, "dlq.>")
    client = await nats.connect(as_user(server, "admin"))
    await streams.ensure(client.jetstream())
    yield client.jetstream()
    await client.close()


def deny(server: NatsServer, subject: str) -> None:
    server.config = USERS.format(denied=f'"{subject}"')
    server.restart()


def as_user(server: NatsServer, name: str) -> str:
    return server.url.replace("//", f"//{name}:pw@")


@asynccontextmanager
async def limited(server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await connect(as_user(server, "limited"), "oo-tests")
    yield client.jetstream(timeout=0.5)
    await client.close()


def denials(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.__dict__["error"].lower() for r in caplog.records if r.message.startswith("the bus denies this user")]


async def test_who_may_not_write_dead_letters_keeps_the_originals(
    admin: JetStreamContext, server: NatsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.doorkeeper.DEAD_LETTER_RETRY", 0.2)
    await admin.publish("signals.session_started", b"poison")
    await publish(admin, envelope(event_id="good"))
    diary = Diary()
    async with limited(server) as js, consuming(js, diary):
        await until(lambda: len(diary.deliveries) > 3 and denials(caplog))
        info = await admin.consumer_info("SIGNALS", SIGNALS.name)
        assert (info.num_ack_pending, await count(admin, "DLQ")) == (1, 0)
        assert '"dlq.signals"' in denials(caplog)[0]
        (told, *_) = [r for r in caplog.records if r.message.startswith("not acknowledged by the dead letters")]
        assert told.levelno == logging.ERROR
        assert "may this user publish there?" in told.message
        assert told.__dict__["subject"] == "dlq.signals"
        deny(server, "nothing.at.all")
        await all_left(admin)
    assert (await admin.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


async def test_what_used_up_its_deliveries_meanwhile_is_a_dead_letter_as_soon_as_it_may_be(
    admin: JetStreamContext, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.doorkeeper.DEAD_LETTER_RETRY", 0.01)
    monkeypatch.setattr("oo.bus.exceeded.growing", lambda _: 0.2)
    await admin.publish("signals.session_started", b"poison")
    advisories = NAMED["signals-advisories"]
    async with (
        limited(server) as js,
        consuming(js, Diary()),
        consuming(js, ExceededBurial(js), advisories),
    ):
        await arrived(admin, "ADVISORIES")
        assert await count(admin, "DLQ") == 0
        deny(server, "nothing.at.all")
        await all_left(admin, advisories)
    letter = await admin.get_last_msg("DLQ", "dlq.signals")
    assert letter.data == b"poison"
    assert letter.headers is not None
    assert letter.headers["Oo-Reason"] == "max_deliveries"


async def test_who_may_not_acknowledge_is_told_and_nothing_is_lost(
    admin: JetStreamContext, server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    config = (await admin.consumer_info("SIGNALS", SIGNALS.name)).config
    await admin.add_consumer("SIGNALS", config.evolve(ack_wait=0.5))
    await publish(admin, envelope())
    deny(server, "$JS.ACK.>")
    diary = Diary()
    async with limited(server) as js, consuming(js, diary):
        await until(lambda: len(diary.deliveries) > 1)
        assert "$js.ack.signals" in denials(caplog)[0]
        deny(server, "nothing.at.all")
        await all_left(admin)
    assert {delivery.sequence for delivery in diary.deliveries} == {1}
    assert await count(admin, "DLQ") == 0


async def test_who_may_not_fetch_is_told_and_not_alive_in_the_end(
    admin: JetStreamContext, server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(admin, envelope())
    deny(server, "$JS.API.CONSUMER.MSG.NEXT.>")
    clock, diary = HandClock(), Diary()
    async with limited(server) as js, consuming(js, diary, clock=clock) as consumer:
        await until(lambda: denials(caplog))
        assert "$js.api.consumer.msg.next.signals" in denials(caplog)[0]
        clock.seconds = 120
        assert not consumer.alive
        deny(server, "nothing.at.all")
        await all_left(admin)
    assert len(diary.deliveries) == 1


@pytest.mark.usefixtures("admin")
async def test_a_process_that_may_not_use_the_api_does_not_start(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.wiring.process.configure_logging", lambda _: None)  # it would outlive the test
    deny(server, "$JS.API.>")
    with pytest.raises(BusUnreachable, match=r"oo-tests: streams and durables could not be seen to.*may this user"):
        async with on_the_bus(ProcessSettings(nats_url=as_user(server, "limited")), "oo-tests"):
            pass


@pytest.mark.usefixtures("admin")
async def test_a_wrong_password_is_told_as_such(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.connection.PATIENCE", 0.5)
    with pytest.raises(BusUnreachable, match="Authorization Violation"):
        await connect(as_user(server, "nobody"), "oo-tests")
