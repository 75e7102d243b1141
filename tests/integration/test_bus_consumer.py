import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.consumer import Consumer
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject, RetryAfter
from oo.bus.publisher import publish, publish_many
from oo.bus.pull import MAX_BATCH_BYTES
from oo.errors import BusUnreachable
from oo.events.subjects import DURABLES, SUBJECTS, shadow_subject
from tests.envelopes import envelope, shadowed
from tests.integration.consuming import NAMED, PATIENCE, SIGNALS, Diary, HandClock, all_left, consuming, count, until
from tests.integration.nats_server import NatsServer

DECISION_SUBJECTS = [subject for subject in SUBJECTS.values() if subject.startswith("decisions.")]
EVERY_SUBJECT = [*SUBJECTS.values(), *map(shadow_subject, DECISION_SUBJECTS)]


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)


async def test_a_batch_arrives_whole_and_in_order(jetstream: JetStreamContext) -> None:
    for number in range(5):
        await publish(jetstream, envelope(event_id=f"e{number}"))
    diary = Diary()
    async with consuming(jetstream, diary):
        await all_left(jetstream)
    assert [len(batch) for batch in diary.batches] == [5]
    first = diary.deliveries[0]
    assert (first.subject, first.stream, first.delivered) == ("signals.session_started", "SIGNALS", 1)
    assert [delivery.sequence for delivery in diary.deliveries] == [1, 2, 3, 4, 5]
    assert first.data == envelope(event_id="e0").to_json()
    assert first.headers["Nats-Msg-Id"] == "e0"
    assert first.published_at.utcoffset() is not None


async def test_each_durable_of_a_stream_gets_its_own_copy(jetstream: JetStreamContext) -> None:
    await publish(jetstream, envelope())
    theirs, ours = Diary(), Diary()
    async with consuming(jetstream, theirs, NAMED["archive-signals"]), consuming(jetstream, ours):
        await all_left(jetstream, NAMED["archive-signals"])
        await all_left(jetstream)
    assert theirs.deliveries == ours.deliveries
    assert len(ours.deliveries) == 1


async def test_the_reward_join_never_sees_a_shadow_and_the_archive_does(jetstream: JetStreamContext) -> None:
    await publish(jetstream, envelope("score_decided"))
    await publish(jetstream, shadowed("score_decided").model_copy(update={"event_id": "shadow"}))
    rewards, archive = Diary(), Diary()
    async with (
        consuming(jetstream, rewards, NAMED["rewards-decisions"]),
        consuming(jetstream, archive, NAMED["archive-decisions"]),
    ):
        await all_left(jetstream, NAMED["rewards-decisions"])
        await all_left(jetstream, NAMED["archive-decisions"])
    assert [delivery.subject for delivery in rewards.deliveries] == ["decisions.score"]
    assert {delivery.subject for delivery in archive.deliveries} == {"decisions.score", "decisions.shadow.score"}
    assert await count(jetstream, "DLQ") == 0


async def test_a_message_to_retry_comes_again_after_its_delay(jetstream: JetStreamContext) -> None:
    moments: list[tuple[int, float]] = []
    clock = asyncio.get_running_loop().time

    async def not_the_first_time(deliveries: Sequence[Delivery]) -> list[Door]:
        moments.extend((delivery.delivered, clock()) for delivery in deliveries)
        return [Acknowledge() if d.delivered > 1 else RetryAfter(0.5, "not yet") for d in deliveries]

    await publish(jetstream, envelope())
    async with consuming(jetstream, not_the_first_time):
        await all_left(jetstream)
    assert [delivered for delivered, _ in moments] == [1, 2]
    assert moments[1][1] - moments[0][1] >= 0.45


@pytest.mark.parametrize("subject", EVERY_SUBJECT)
async def test_malformed_bytes_go_to_the_dead_letters_of_every_reader(
    jetstream: JetStreamContext, subject: str
) -> None:
    garbage = b'{"eventId": "\xff'
    await jetstream.publish(subject, garbage)
    stream = await jetstream.find_stream_name_by_subject(subject)
    sequence = (await jetstream.stream_info(stream)).state.last_seq
    readers = [d for d in DURABLES if d.stream == stream and (d.consumer == "archive" or "shadow" not in subject)]
    assert readers
    for durable in readers:
        async with consuming(jetstream, Diary(), durable):
            await all_left(jetstream, durable)
        letter = await jetstream.get_last_msg("DLQ", f"dlq.{durable.consumer}")
        assert letter.data == garbage
        assert letter.headers is not None
        error = letter.headers.pop("Oo-Error")
        assert "Invalid JSON" in error
        assert letter.headers.items() >= {
            ("Oo-Reason", "invalid_event"),
            ("Oo-Subject", subject),
            ("Oo-Stream", stream),
            ("Oo-Sequence", str(sequence)),
            ("Oo-Delivered", "1"),
            ("Nats-Msg-Id", f"{durable.consumer}.{stream}.{sequence}"),
        }
    assert await count(jetstream, "DLQ") == len(readers)


async def test_an_event_on_the_wrong_subject_is_a_dead_letter(jetstream: JetStreamContext) -> None:
    await publish(jetstream, envelope("session_started"), subject="signals.activity_completed")
    async with consuming(jetstream, Diary()):
        await all_left(jetstream)
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert letter.headers is not None
    assert letter.headers["Oo-Reason"] == "wrong_subject"


async def test_a_poisonous_message_leaves_its_batch_alone(jetstream: JetStreamContext) -> None:
    await publish(jetstream, envelope(event_id="before"))
    await jetstream.publish("signals.session_started", b"poison")
    await publish(jetstream, envelope(event_id="after"))
    diary = Diary()
    async with consuming(jetstream, diary):
        await all_left(jetstream)
    assert [delivery.sequence for delivery in diary.deliveries] == [1, 2, 3]
    assert await count(jetstream, "DLQ") == 1


@pytest.mark.parametrize("status", ["100", "404", "408", "409", "500"])
async def test_a_message_cannot_pass_for_a_word_of_the_server(jetstream: JetStreamContext, status: str) -> None:
    await publish(jetstream, envelope(event_id="before"))
    await jetstream.publish("signals.session_started", b"poison", headers={"Status": status})
    await publish(jetstream, envelope(event_id="after"))
    diary = Diary()
    async with consuming(jetstream, diary):
        await all_left(jetstream)
    assert [delivery.sequence for delivery in diary.deliveries] == [1, 2, 3]
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"PUB signals.\xff\xfe 6\r\npoison\r\n", id="subject that is no text"),
        pytest.param(b"HPUB signals.s 15 21\r\nNATS/1.0\r\n\xff\r\n\r\npoison\r\n", id="headers that are none"),
        pytest.param(b"HPUB signals.s 19 25\r\nNATS/1.0 a\xff\r\nb:\r\n\r\npoison\r\n", id="status that is none"),
    ],
)
async def test_bytes_that_the_client_cannot_read_end_nothing(
    jetstream: JetStreamContext, nats_url: str, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*nats_url.removeprefix("nats://").split(":"))
    writer.write(b'CONNECT {"verbose": false, "headers": true}\r\n' + sent + b"PING\r\n")
    async with asyncio.timeout(PATIENCE):
        assert b"-ERR" not in await reader.readuntil(b"PONG\r\n")
    writer.close()
    await writer.wait_closed()
    await publish(jetstream, envelope(event_id="after"))
    client = await connect(nats_url, "oo-tests")
    diary = Diary()
    async with consuming(client.jetstream(), diary):
        await all_left(jetstream)
    await client.close()
    assert [delivery.data for delivery in diary.deliveries] == [b"poison", envelope(event_id="after").to_json()]
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


async def test_a_batch_of_large_messages_is_cut_by_its_bytes(jetstream: JetStreamContext) -> None:
    for _ in range(40):
        await jetstream.publish("signals.session_started", b"x" * streams.MAX_EVENT_BYTES)
    sizes: list[int] = []

    async def weigh(deliveries: Sequence[Delivery]) -> list[Door]:
        sizes.append(sum(len(delivery.data) for delivery in deliveries))
        return [Acknowledge() for _ in deliveries]

    async with consuming(jetstream, weigh):
        await all_left(jetstream)
    assert sum(sizes) == 40 * streams.MAX_EVENT_BYTES
    assert max(sizes) <= MAX_BATCH_BYTES


async def test_the_largest_event_still_fits_into_the_dead_letters(jetstream: JetStreamContext) -> None:
    largest = b"x" * (streams.MAX_EVENT_BYTES + streams.HEADER_BYTES - 100)
    await jetstream.publish("signals.session_started", largest)

    async def at_length(deliveries: Sequence[Delivery]) -> list[Door]:
        return [Reject("invalid_event", "schöner\nlanger Grund " * 1_000) for _ in deliveries]

    async with consuming(jetstream, at_length):
        await all_left(jetstream)
    letter = await jetstream.get_last_msg("DLQ", "dlq.signals")
    assert letter.data == largest
    assert letter.headers is not None
    assert letter.headers["Oo-Error"].startswith("sch\\xf6ner langer Grund sch\\xf6ner")


async def test_a_message_rejected_twice_is_one_dead_letter(jetstream: JetStreamContext) -> None:
    await jetstream.publish("signals.session_started", b"poison")
    for durable in (SIGNALS, SIGNALS):
        async with consuming(jetstream, Diary(), durable):
            await all_left(jetstream, durable)
        # As if the termination had been lost on its way.
        await jetstream.delete_consumer(durable.stream, durable.name)
        await streams.ensure(jetstream)
    assert await count(jetstream, "DLQ") == 1


async def test_a_dead_letter_that_cannot_be_published_keeps_its_original(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.doorkeeper.DEAD_LETTER_RETRY", 0.2)
    diary = Diary()
    async with consuming(jetstream, diary) as consumer:
        await until(lambda: consumer.ready)
        await jetstream.delete_stream("DLQ")
        await jetstream.publish("signals.session_started", b"poison")
        await until(lambda: len(diary.deliveries) > 1)
        await streams.ensure(jetstream)
        await all_left(jetstream)
    assert (await jetstream.get_last_msg("DLQ", "dlq.signals")).data == b"poison"


@pytest.mark.parametrize("wrong", ["raises", "too few doors", "no doors"])
async def test_what_a_failing_handler_was_given_comes_again(
    jetstream: JetStreamContext, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    await publish(jetstream, envelope(event_id="one"))
    await publish(jetstream, envelope(event_id="two"))
    acknowledged: list[int] = []

    async def fails_once(deliveries: Sequence[Delivery]) -> list[Door]:
        if deliveries[0].delivered == 1:
            if wrong == "raises":
                raise LookupError("the database is away")
            return [Acknowledge()] if wrong == "too few doors" else []
        acknowledged.extend(delivery.sequence for delivery in deliveries)
        return [Acknowledge() for _ in deliveries]

    async with consuming(jetstream, fails_once):
        await all_left(jetstream)
    assert sorted(acknowledged) == [1, 2]
    assert await count(jetstream, "DLQ") == 0
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == ["handler failed"]


async def test_a_message_that_the_handler_dies_of_holds_up_nobody(jetstream: JetStreamContext) -> None:
    for name in ("good", "deadly", "good too"):
        await publish(jetstream, envelope(event_id=name))
    survived: list[int] = []
    alone: list[int] = []

    async def dies(deliveries: Sequence[Delivery]) -> list[Door]:
        if any(delivery.sequence == 2 for delivery in deliveries):
            if len(deliveries) == 1:
                alone.append(deliveries[0].delivered)
            raise ArithmeticError("a bug that one message triggers")
        survived.extend(delivery.sequence for delivery in deliveries)
        return [Acknowledge() for _ in deliveries]

    async with consuming(jetstream, dies):
        await until(lambda: alone and len(survived) > 1)
    assert sorted(survived) == [1, 3]
    assert (await jetstream.consumer_info("SIGNALS", SIGNALS.name)).num_ack_pending == 1  # kept, not lost


async def test_messages_stay_with_a_handler_that_takes_longer_than_the_ack_wait(jetstream: JetStreamContext) -> None:
    present = (await jetstream.consumer_info("SIGNALS", SIGNALS.name)).config
    await jetstream.add_consumer("SIGNALS", present.evolve(ack_wait=0.6))
    await publish(jetstream, envelope())
    seen: list[Delivery] = []

    async def slow(deliveries: Sequence[Delivery]) -> list[Door]:
        seen.extend(deliveries)
        await asyncio.sleep(2)
        return [Acknowledge() for _ in deliveries]

    # A second process on the same durable would be given what the first one seemed to have lost.
    async with consuming(jetstream, slow), consuming(jetstream, slow):
        await all_left(jetstream)
    assert len(seen) == 1


async def test_the_batch_in_flight_is_finished_after_stop(jetstream: JetStreamContext) -> None:
    await publish(jetstream, envelope())
    working, stop = asyncio.Event(), asyncio.Event()

    async def slow(deliveries: Sequence[Delivery]) -> list[Door]:
        working.set()
        await stop.wait()
        await asyncio.sleep(0.2)
        return [Acknowledge() for _ in deliveries]

    running = asyncio.create_task(Consumer(jetstream, SIGNALS, slow).run(stop))
    await asyncio.wait_for(working.wait(), PATIENCE)
    stop.set()
    await asyncio.wait_for(running, PATIENCE)
    info = await jetstream.consumer_info("SIGNALS", SIGNALS.name)
    assert (info.num_ack_pending, info.num_pending) == (0, 0)


@pytest.mark.parametrize("end", [NatsServer.stop, NatsServer.kill])
async def test_consumption_resumes_after_the_server_was_away(
    jetstream: JetStreamContext, nats_server: NatsServer, nats_client: Client, end: Callable[[NatsServer], None]
) -> None:
    diary = Diary()
    async with consuming(jetstream, diary) as consumer:
        await publish(jetstream, envelope(event_id="before"))
        await all_left(jetstream)
        assert consumer.ready
        end(nats_server)
        await until(lambda: not nats_client.is_connected)
        assert consumer.alive
        assert not consumer.ready
        nats_server.start()
        await until(lambda: nats_client.is_connected)
        await publish(jetstream, envelope(event_id="after"))
        await until(lambda: "after" in diary.event_ids)
        assert consumer.ready
    # A killed server may have forgotten the acknowledgement of the first, which then comes once more.
    assert set(diary.event_ids) == {"before", "after"}


async def test_messages_in_a_handler_survive_a_restart_of_the_server(
    jetstream: JetStreamContext, nats_server: NatsServer
) -> None:
    events = [envelope(event_id=f"e{number}") for number in range(300)]
    await publish_many(jetstream, events)
    seen: set[int] = set()

    async def restarts_once(deliveries: Sequence[Delivery]) -> list[Door]:
        if not seen:
            await asyncio.to_thread(nats_server.restart)
        seen.update(delivery.sequence for delivery in deliveries)
        return [Acknowledge() for _ in deliveries]

    async with consuming(jetstream, restarts_once):
        await all_left(jetstream)
    assert seen == set(range(1, 301))


async def test_a_deleted_durable_is_made_again(jetstream: JetStreamContext) -> None:
    diary = Diary()
    async with consuming(jetstream, diary):
        await publish(jetstream, envelope(event_id="before"))
        await all_left(jetstream)
        await jetstream.delete_consumer("SIGNALS", SIGNALS.name)
        await publish(jetstream, envelope(event_id="after"))
        await all_left(jetstream)
    assert set(diary.event_ids) == {"before", "after"}


async def test_a_deleted_stream_is_made_again(jetstream: JetStreamContext) -> None:
    diary = Diary()
    async with consuming(jetstream, diary):
        await publish(jetstream, envelope(event_id="before"))
        await all_left(jetstream)
        await jetstream.delete_stream("SIGNALS")
        await all_left(jetstream)
        await publish(jetstream, envelope(event_id="after"))
        await all_left(jetstream)
    assert diary.event_ids == ["before", "after"]


async def test_a_connection_closed_for_good_ends_the_consumer(jetstream: JetStreamContext, nats_client: Client) -> None:
    consumer = Consumer(jetstream, SIGNALS, Diary())
    running = asyncio.create_task(consumer.run(asyncio.Event()))
    await until(lambda: consumer.ready)
    await nats_client.close()
    assert not consumer.alive
    with pytest.raises(BusUnreachable, match="signals-signals: the connection was closed for good"):
        await asyncio.wait_for(running, PATIENCE)


async def test_a_loop_that_does_not_come_round_is_not_alive(jetstream: JetStreamContext) -> None:
    clock = HandClock()
    consumer = Consumer(jetstream, SIGNALS, Diary(), clock=clock)
    clock.seconds = 119
    assert consumer.alive
    clock.seconds = 120
    assert not consumer.alive


async def test_a_handler_has_one_batch_at_a_time_and_no_larger_than_asked(jetstream: JetStreamContext) -> None:
    await publish_many(jetstream, (envelope(event_id=f"e{number}") for number in range(25)))
    inside = 0
    sizes: list[int] = []

    async def watched(deliveries: Sequence[Delivery]) -> list[Door]:
        nonlocal inside
        inside += 1
        assert inside == 1
        await asyncio.sleep(0)
        inside -= 1
        sizes.append(len(deliveries))
        return [Acknowledge() for _ in deliveries]

    async with consuming(jetstream, watched, batch_size=10):
        await all_left(jetstream)
    assert sizes == [10, 10, 5]
