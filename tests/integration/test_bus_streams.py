import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType
from nats.js.errors import APIError, BadRequestError

from oo.bus import streams
from oo.bus.streams import Limits
from oo.errors import InvalidSettings
from oo.events.subjects import DURABLES, MAX_AGE, STREAMS

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
        age = MAX_AGE[name]
        assert config.max_age == (age.total_seconds() if age else 0)
        assert (config.deny_delete, config.deny_purge) == ((True, True) if name == "HISTORY" else (False, False))
        assert (config.max_bytes, config.discard) == (-1, DiscardPolicy.NEW)
    for durable in DURABLES:
        consumer = (await jetstream.consumer_info(durable.stream, durable.name)).config
        assert tuple(consumer.filter_subjects or [consumer.filter_subject]) == durable.subjects
        assert (consumer.ack_wait, consumer.max_deliver, consumer.max_ack_pending) == (30, durable.max_deliver, 10_000)
    for bucket in streams.BUCKETS:
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
    assert len(await clients[0].jetstream().streams_info()) == len(STREAMS) + len(streams.BUCKETS)
    for client in clients:
        await client.close()


async def test_what_an_operator_set_stays_and_what_is_ours_comes_back(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    present = (await jetstream.stream_info("SIGNALS")).config
    await jetstream.update_stream(present, max_age=86_400, subjects=["signals.>"], discard=DiscardPolicy.OLD)
    durable = (await jetstream.consumer_info("SIGNALS", "archive-signals")).config
    await jetstream.add_consumer("SIGNALS", durable.evolve(ack_wait=120, max_deliver=3, filter_subjects=["signals.>"]))
    await streams.ensure(jetstream)
    stream = (await jetstream.stream_info("SIGNALS")).config
    assert (stream.max_age, stream.subjects) == (86_400, ["signals.>", "integration.>"])
    assert stream.discard == DiscardPolicy.NEW
    durable = (await jetstream.consumer_info("SIGNALS", "archive-signals")).config
    assert (durable.ack_wait, durable.filter_subjects) == (120, ["signals.>", "integration.>"])
    assert durable.max_deliver == 10


async def test_a_history_that_could_be_deleted_from_cannot_be_any_more(jetstream: JetStreamContext) -> None:
    await jetstream.add_stream(name="HISTORY", subjects=["history.>"])
    await jetstream.publish("history.model.tips", b"kept")
    await streams.ensure(jetstream)
    for forgetting in (jetstream.delete_msg("HISTORY", 1), jetstream.purge_stream("HISTORY")):
        with pytest.raises(APIError, match="not permitted"):
            await forgetting
    assert (await jetstream.stream_info("HISTORY")).state.messages == 1


async def test_what_an_operator_made_final_stays_final(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    present = (await jetstream.stream_info("DECISIONS")).config
    await jetstream.update_stream(present.evolve(deny_purge=True))
    await streams.ensure(jetstream)
    assert (await jetstream.stream_info("DECISIONS")).config.deny_purge


async def test_a_bucket_keeps_what_it_holds_as_long_as_it_is_of_use(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    ages = {bucket: await age_of(jetstream, bucket) for bucket in streams.BUCKETS}
    for_ever = dict.fromkeys(("features", "policy_state", "tombstones", "traffic", "evidence"), 0)
    assert ages == {**for_ever, "budgets": 14 * 86_400, "written_tips": 86_400}


async def test_the_age_that_an_operator_gave_a_bucket_stays(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    for bucket in ("budgets", "features"):
        present = (await jetstream.stream_info(f"KV_{bucket}")).config
        await jetstream.update_stream(present.evolve(max_age=3_600))
    await streams.ensure(jetstream)
    await streams.ensure(jetstream, Limits(replicas=1))
    assert [await age_of(jetstream, bucket) for bucket in ("budgets", "features")] == [3_600, 3_600]


async def age_of(jetstream: JetStreamContext, bucket: str) -> float:
    """In seconds; 0 is for ever."""
    return (await jetstream.stream_info(f"KV_{bucket}")).config.max_age or 0


GIVEN = Limits(
    dedupe_seconds=60,
    max_age={"SIGNALS": timedelta(days=7), "DLQ": timedelta(days=9)},
    max_bytes={"SIGNALS": 5_000_000},
)


@pytest.mark.parametrize("before", [True, False], ids=["is there", "is made"])
async def test_a_given_limit_wins_and_what_is_not_given_stays(jetstream: JetStreamContext, *, before: bool) -> None:
    if before:
        await streams.ensure(jetstream)
        present = (await jetstream.stream_info("FEEDBACK")).config
        await jetstream.update_stream(present, max_age=3_600, max_bytes=77_000)
    await streams.ensure(jetstream, GIVEN)
    await streams.ensure(jetstream)  # another process, with no settings of its own
    configs = {name: (await jetstream.stream_info(name)).config for name in STREAMS}
    assert {name: config.duplicate_window for name, config in configs.items()} == dict.fromkeys(STREAMS, 60)
    assert (configs["SIGNALS"].max_age, configs["SIGNALS"].max_bytes) == (7 * 86_400, 5_000_000)
    assert (configs["DLQ"].max_age, configs["DLQ"].max_bytes) == (9 * 86_400, -1)
    theirs = (3_600, 77_000) if before else (90 * 86_400, -1)
    assert (configs["FEEDBACK"].max_age, configs["FEEDBACK"].max_bytes) == theirs


async def test_limits_that_the_server_refuses_are_told_with_their_settings(jetstream: JetStreamContext) -> None:
    with pytest.raises(InvalidSettings, match=r"SIGNALS: .*replicas > 1 not supported.* OO_STREAM_REPLICAS"):
        await streams.ensure(jetstream, Limits(replicas=3))


async def test_a_full_stream_refuses_what_is_new_and_keeps_what_is_unread(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream, Limits(max_bytes={"FEEDBACK": 10_000}))
    for _ in range(9):
        await jetstream.publish("feedback.tip_exposed", b"x" * 1_000)
    with pytest.raises(APIError, match="maximum bytes exceeded"):
        await jetstream.publish("feedback.tip_exposed", b"x" * 1_000)
    assert (await jetstream.stream_info("FEEDBACK")).state.first_seq == 1


async def test_processes_with_different_limits_may_ensure_at_once(nats_url: str) -> None:
    clients = await asyncio.gather(*(nats.connect(nats_url) for _ in range(6)))
    limits = [Limits(), GIVEN] * 3
    await asyncio.gather(*(streams.ensure(c.jetstream(), mine) for c, mine in zip(clients, limits, strict=True)))
    config = (await clients[0].jetstream().stream_info("SIGNALS")).config
    assert (config.max_age, config.max_bytes) == (7 * 86_400, 5_000_000)
    for client in clients:
        await client.close()


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
