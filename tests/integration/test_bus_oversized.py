"""Messages over the limits: refused where they are published, and bearable where an older, laxer stream let them in."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import BadRequestError

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.publisher import publish
from oo.errors import MessageTooLarge
from oo.events.envelope import Envelope
from tests.envelopes import envelope
from tests.integration.consuming import Diary, all_left, consuming, count
from tests.integration.nats_server import NatsServer

TWO_MB = 2_000_000


@pytest.fixture
def server(store_dir: Path, tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(store_dir, tmp_path, config="max_payload: 8MB")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(server.url)
    yield client
    await client.close()


@pytest.fixture
async def bus(client: Client) -> JetStreamContext:
    bus = client.jetstream()
    await streams.ensure(bus)
    return bus


def of_two_mb() -> Envelope:
    return envelope("session_started", session_started={"surface": "x" * TWO_MB})


async def let_in(bus: JetStreamContext, data: bytes) -> None:
    """Store it as a stream of an earlier time did, and make the stream what it is today."""
    config = (await bus.stream_info("SIGNALS")).config
    await bus.update_stream(config.evolve(max_msg_size=-1))
    await bus.publish("signals.session_started", data)
    await streams.ensure(bus)


async def test_the_publisher_refuses_two_megabytes_by_name(bus: JetStreamContext) -> None:
    with pytest.raises(MessageTooLarge, match=r"session_started example-session_started has 2000\d+ bytes"):
        await publish(bus, of_two_mb())
    assert await count(bus, "SIGNALS") == 0


async def test_the_stream_refuses_two_megabytes_of_whoever_sends_them(bus: JetStreamContext) -> None:
    with pytest.raises(BadRequestError, match="message size exceeds maximum allowed"):
        await bus.publish("signals.session_started", b"x" * TWO_MB)
    assert await count(bus, "SIGNALS") == 0


async def test_what_a_stricter_stream_refuses_is_too_large_and_not_worth_another_try(bus: JetStreamContext) -> None:
    config = (await bus.stream_info("SIGNALS")).config
    await bus.update_stream(config.evolve(max_msg_size=1_000))
    with pytest.raises(MessageTooLarge, match=r"less, by its stream's max_msg_size; send less in it"):
        await publish(bus, envelope("session_started", session_started={"surface": "x" * 2_000}))


async def test_an_event_of_two_megabytes_that_is_there_already_is_handled(bus: JetStreamContext) -> None:
    await let_in(bus, of_two_mb().to_json())
    diary = Diary()
    async with consuming(bus, diary):
        await all_left(bus)
    assert [len(delivery.data) > TWO_MB for delivery in diary.deliveries] == [True]
    assert await count(bus, "DLQ") == 0


async def test_two_megabytes_that_are_no_event_are_buried_whole(bus: JetStreamContext) -> None:
    await let_in(bus, b"x" * TWO_MB)
    async with consuming(bus, Diary()):
        await all_left(bus)
    assert (await bus.get_last_msg("DLQ", "dlq.signals")).data == b"x" * TWO_MB


async def test_what_the_server_would_no_longer_take_is_named_by_a_letter_and_stays_in_its_stream(
    bus: JetStreamContext, server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    await let_in(bus, b"x" * TWO_MB)
    server.config = "max_payload: 1MB"
    server.restart()
    client = await connect(server.url, "oo-tests")
    today = client.jetstream()
    async with consuming(today, Diary()):
        await all_left(today)
    letter = await today.get_last_msg("DLQ", "dlq.signals")
    assert not letter.data
    assert letter.headers is not None
    assert letter.headers["Oo-Error"].endswith(
        "its 2000000 bytes are over the server's max_payload and stay in its stream"
    )
    assert (letter.headers["Oo-Stream"], letter.headers["Oo-Sequence"]) == ("SIGNALS", "1")
    assert (await today.get_msg("SIGNALS", 1)).data == b"x" * TWO_MB
    assert any(record.message.startswith("too large for a dead letter") for record in caplog.records)
    await client.close()
