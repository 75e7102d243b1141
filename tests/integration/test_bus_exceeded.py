"""What was delivered as often as it may be ends in the dead letters, whatever became of each delivery."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.delivery import Delivery, Door, RetryAfter
from oo.bus.exceeded import ExceededBurial
from oo.bus.publisher import publish
from oo.bus.pull import Pull
from oo.events.subjects import Durable, advisory_subject
from oo.telemetry import LOST
from tests.envelopes import envelope
from tests.integration.consuming import NAMED, SIGNALS, Diary, all_left, arrived, consuming, count, until
from tests.integration.nats_server import NatsServer

ADVISORIES = NAMED["signals-advisories"]
CORRUPTED = b'{"eventId": "\xff\xfe\x00 no JSON and no text'


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)


async def patient_for(js: JetStreamContext, durable: Durable, seconds: float) -> None:
    """As an operator may do it: unanswered deliveries come again sooner than after 30 s."""
    config = (await js.consumer_info(durable.stream, durable.name)).config
    await js.add_consumer(durable.stream, config.evolve(ack_wait=seconds))


async def use_up_deliveries(js: JetStreamContext) -> None:
    """Take the durable's messages as often as may be, by no consumer of ours, and answer nothing."""
    await patient_for(js, SIGNALS, 0.2)
    puller = await Pull.open(js._nc, SIGNALS.stream, SIGNALS.name)  # noqa: SLF001  # as the consumer does it
    taken = 0
    while taken < SIGNALS.max_deliver:
        taken += len(await puller.fetch(1, 5))
    await puller.close()


async def letter_headers(js: JetStreamContext) -> dict[str, str]:
    letter = await js.get_last_msg("DLQ", "dlq.signals")
    assert letter.headers is not None
    return letter.headers


@pytest.mark.parametrize("way", ["raises", "asks to retry"])
async def test_what_fails_at_each_try_becomes_a_dead_letter_with_its_exception(
    jetstream: JetStreamContext, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.consumer.full_jitter", lambda *_, **__: 0.01)
    await publish(jetstream, envelope())
    tries: list[int] = []

    async def fail(deliveries: Sequence[Delivery]) -> list[Door]:
        tries.extend(delivery.delivered for delivery in deliveries)
        if way == "raises":
            raise ArithmeticError("of ada, whose name is private")
        return [RetryAfter(0.01, "not yet") for _ in deliveries]

    async with consuming(jetstream, fail):
        await all_left(jetstream)
    assert tries == list(range(1, 10))
    assert await count(jetstream, "DLQ") == 1
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert letter.data == envelope().to_json()
    headers = await letter_headers(jetstream)
    assert (headers["Oo-Reason"], headers["Oo-Delivered"], headers["Oo-Sequence"]) == ("max_deliveries", "9", "1")
    told = "handler failed" if way == "raises" else "not yet"
    assert headers["Oo-Error"] == f"9 tries, the last: {told}"
    assert headers.get("Oo-Exception") == ("ArithmeticError" if way == "raises" else None)
    assert await count(jetstream, "ADVISORIES") == 0, "it left by a door, so the server has nothing to say"


async def test_a_message_that_kills_its_process_each_time_ends_there_alone(
    jetstream: JetStreamContext, nats_server: NatsServer, tmp_path: Path
) -> None:
    await patient_for(jetstream, SIGNALS, 0.3)
    bodies = [b"good", b"good", b"deadly", b"good", b"good"]
    for body in bodies:
        await jetstream.publish("signals.session_started", body)
    effects = tmp_path / "effects"
    ends: list[int] = []
    while len(ends) < SIGNALS.max_deliver + 2:
        process = await asyncio.to_thread(start, nats_server, effects)
        # It dies of the message, or lives on once that is buried.
        while process.poll() is None and not await count(jetstream, "DLQ"):  # noqa: ASYNC110  # neither has an event
            await asyncio.sleep(0.05)
        if process.poll() is None:
            await all_left(jetstream)
            process.terminate()
        ends.append(await asyncio.to_thread(process.wait, 30))
        if ends[-1] != -signal.SIGKILL:
            break
    assert ends == [-signal.SIGKILL] * (SIGNALS.max_deliver - 1) + [0]
    assert {int(line) for line in effects.read_text().split()} == {1, 2, 4, 5}, "nobody else is held up"
    assert await count(jetstream, "DLQ") == 1
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert letter.data == b"deadly"
    headers = await letter_headers(jetstream)
    assert (headers["Oo-Reason"], headers["Oo-Delivered"], headers["Oo-Sequence"]) == ("max_deliveries", "10", "3")
    assert "its process died each time" in headers["Oo-Error"]


def start(server: NatsServer, effects: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-m", "tests.integration.bus_process", "deadly", "0", effects, "0"],
        env=os.environ | {"OO_NATS_URL": server.url},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("data", [CORRUPTED, b"", b"x" * streams.MAX_EVENT_BYTES], ids=["corrupted", "empty", "large"])
async def test_what_the_server_gave_up_on_is_buried_with_its_bytes(jetstream: JetStreamContext, data: bytes) -> None:
    await jetstream.publish("signals.session_started", data, headers={"Traceparent": "00-abc", "Status": "503"})
    await use_up_deliveries(jetstream)
    diary = Diary()
    async with consuming(jetstream, diary), consuming(jetstream, ExceededBurial(jetstream), ADVISORIES):
        await arrived(jetstream, "ADVISORIES")
        await all_left(jetstream, ADVISORIES)
    assert diary.deliveries == []
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert (letter.data or b"") == data
    headers = await letter_headers(jetstream)
    assert headers["Oo-Reason"] == "max_deliveries"
    assert headers["Oo-Delivered"] == "10"
    assert (headers["Oo-Subject"], headers["Oo-Sequence"]) == ("signals.session_started", "1")
    assert headers["Oo-Original-Traceparent"] == "00-abc"


async def test_headers_that_are_none_do_not_keep_a_message_out_of_the_dead_letters(
    jetstream: JetStreamContext, nats_server: NatsServer
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
    junk = b"HPUB signals.s 24 30\r\nNATS/1.0\r\n\xff\xfe: \xff\xfe\r\nb:\r\n\r\npoison\r\n"
    writer.write(b'CONNECT {"verbose": false, "headers": true}\r\n' + junk + b"PING\r\n")
    await arrived(jetstream, "SIGNALS")
    writer.close()
    await writer.wait_closed()
    await use_up_deliveries(jetstream)
    async with consuming(jetstream, Diary()), consuming(jetstream, ExceededBurial(jetstream), ADVISORIES):
        await arrived(jetstream, "DLQ")
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


async def test_an_advisory_that_comes_twice_is_one_dead_letter(jetstream: JetStreamContext) -> None:
    await jetstream.publish("signals.session_started", b"poison")
    for number in range(2):
        await jetstream.publish(advisory_subject(SIGNALS), advisory(sequence=1, identity=str(number)))
    async with consuming(jetstream, ExceededBurial(jetstream), ADVISORIES):
        await all_left(jetstream, ADVISORIES)
    assert await count(jetstream, "DLQ") == 1


async def test_while_the_dead_letters_are_away_the_advisory_waits(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.exceeded.growing", lambda _: 0.1)
    await jetstream.publish("signals.session_started", b"poison")
    deliveries: list[int] = []

    async def watched(advisories: Sequence[Delivery]) -> Sequence[Door]:
        deliveries.extend(delivery.delivered for delivery in advisories)
        return await ExceededBurial(jetstream)(advisories)

    async with consuming(jetstream, watched, ADVISORIES) as consumer:
        await until(lambda: consumer.ready)
        await jetstream.delete_stream("DLQ")
        await jetstream.publish(advisory_subject(SIGNALS), advisory(sequence=1))
        await until(lambda: deliveries and deliveries[-1] > SIGNALS.max_deliver)
        await streams.ensure(jetstream)
        await all_left(jetstream, ADVISORIES)
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


async def test_an_original_that_is_gone_is_counted_and_told(
    jetstream: JetStreamContext, caplog: pytest.LogCaptureFixture
) -> None:
    before = LOST.labels(SIGNALS.name)._value.get()  # noqa: SLF001  # the client has no other way
    await jetstream.publish(advisory_subject(SIGNALS), advisory(sequence=7))
    async with consuming(jetstream, ExceededBurial(jetstream), ADVISORIES):
        await all_left(jetstream, ADVISORIES)
    assert LOST.labels(SIGNALS.name)._value.get() == before + 1  # noqa: SLF001  # as above
    (record,) = [
        record for record in caplog.records if record.message == "past its deliveries, and gone from its stream"
    ]
    assert (record.__dict__["stream"], record.__dict__["sequence"]) == ("SIGNALS", 7)


@pytest.mark.parametrize(
    "data",
    [b"no JSON", b'{"stream": "SIGNALS"}', b'{"stream": "S", "consumer": "x", "stream_seq": 1, "deliveries": 1}'],
)
async def test_what_is_no_advisory_about_a_durable_of_ours_is_a_dead_letter(
    jetstream: JetStreamContext, data: bytes
) -> None:
    await jetstream.publish(advisory_subject(SIGNALS), data)
    async with consuming(jetstream, ExceededBurial(jetstream), ADVISORIES):
        await all_left(jetstream, ADVISORIES)
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == data
    assert (await letter_headers(jetstream))["Oo-Reason"] == "invalid_advisory"


def advisory(sequence: int, identity: str = "one") -> bytes:
    said = {"id": identity, "stream": "SIGNALS", "consumer": SIGNALS.name, "stream_seq": sequence, "deliveries": 10}
    return json.dumps(said).encode()
