import asyncio
from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType
from nats.js.errors import BadRequestError

from oo.bus import streams
from oo.events.subjects import DURABLES, STREAMS

CONFIG_CHANGES = ["$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>", "$JS.API.CONSUMER.*.CREATE.>"]


@pytest.fixture
async def observer(nats_url: str) -> AsyncIterator[Client]:
    client = await nats.connect(nats_url)
    yield client
    await client.close()


async def test_everything_of_the_table_is_there(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    for name, subjects in STREAMS.items():
        config = (await jetstream.stream_info(name)).config
        assert config.subjects == list(subjects)
        assert config.storage == StorageType.FILE
        assert config.duplicate_window == 600
    for durable in DURABLES:
        consumer = (await jetstream.consumer_info(durable.stream, durable.name)).config
        assert tuple(consumer.filter_subjects or [consumer.filter_subject]) == durable.subjects
        assert (consumer.ack_wait, consumer.max_deliver, consumer.max_ack_pending) == (30, -1, 1_000)
    for bucket in ("features", "policy_state"):
        await (await jetstream.key_value(bucket)).put("key", b"value")


async def test_a_second_ensure_changes_nothing(jetstream: JetStreamContext, observer: Client) -> None:
    await streams.ensure(jetstream)
    heard = [await observer.subscribe(subject) for subject in CONFIG_CHANGES]
    await observer.flush()
    await streams.ensure(jetstream)
    await observer.flush()
    assert [subscription.pending_msgs for subscription in heard] == [0, 0, 0]


async def test_several_processes_may_ensure_at_once(nats_url: str) -> None:
    clients = await asyncio.gather(*(nats.connect(nats_url) for _ in range(8)))
    await asyncio.gather(*(streams.ensure(client.jetstream()) for client in clients))
    assert len(await clients[0].jetstream().streams_info()) == len(STREAMS) + 2
    for client in clients:
        await client.close()


async def test_what_an_operator_set_stays_and_what_is_ours_comes_back(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    present = (await jetstream.stream_info("SIGNALS")).config
    await jetstream.update_stream(present, max_age=86_400, subjects=["signals.>"])
    durable = (await jetstream.consumer_info("SIGNALS", "archive-signals")).config
    await jetstream.add_consumer("SIGNALS", durable.evolve(ack_wait=120, filter_subjects=["signals.>"]))
    await streams.ensure(jetstream)
    stream = (await jetstream.stream_info("SIGNALS")).config
    assert (stream.max_age, stream.subjects) == (86_400, ["signals.>", "integration.>"])
    durable = (await jetstream.consumer_info("SIGNALS", "archive-signals")).config
    assert (durable.ack_wait, durable.filter_subjects) == (120, ["signals.>", "integration.>"])


async def test_a_stream_refuses_what_would_not_fit_into_the_dead_letters(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    over = b"x" * (streams.MAX_EVENT_BYTES + streams.HEADER_BYTES + 1)
    with pytest.raises(BadRequestError, match="size exceeds maximum"):
        await jetstream.publish("signals.session_started", over)


async def test_streams_keep_their_messages_over_a_second_ensure(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    await jetstream.publish("feedback.tip_exposed", b"kept")
    await streams.ensure(jetstream)
    assert (await jetstream.get_last_msg("FEEDBACK", "feedback.tip_exposed")).data == b"kept"
