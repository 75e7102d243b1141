"""Signals through a real stream into a real online store."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from nats.js import JetStreamContext
from nats.js.kv import KeyValue

from consumers.signals import folding as folding_into
from oo.bus import streams
from oo.bus.delivery import Delivery, Door
from oo.bus.handling import events_only
from oo.bus.publisher import publish, publish_many
from oo.events.codec import decode
from oo.events.envelope import Envelope
from oo.features.families import FAMILY_OF
from oo.features.nats_online_store import NatsOnlineStore
from oo.features.replay import values_at
from tests.integration.consuming import SIGNALS, all_left, consuming, count
from tests.unit.features.signal_events import NOON, activity, any_signal, busy_day, seeded, session, sleep

PEOPLE = ("ada", "bo", "ådå 🦉")


class Folding:
    """The signals consumer's handler, which counts what comes."""

    def __init__(self, store: NatsOnlineStore) -> None:
        self.store = store
        self.delivered = 0
        self._handle = events_only(folding_into(store))

    async def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Door]:
        self.delivered += len(deliveries)
        return await self._handle(deliveries)


@pytest.fixture
async def bucket(jetstream: JetStreamContext) -> KeyValue:
    await streams.ensure(jetstream)
    return await jetstream.key_value(streams.FEATURES_BUCKET)


@pytest.fixture
def folding(bucket: KeyValue) -> Folding:
    return Folding(NatsOnlineStore(bucket, Random(1)))  # noqa: S311  # spreads retries


async def archived(js: JetStreamContext, user: str) -> list[tuple[int, Envelope]]:
    messages = [
        (sequence, await js.get_msg("SIGNALS", sequence)) for sequence in range(1, await count(js, "SIGNALS") + 1)
    ]
    events = [(sequence, decode(message.data or b"")) for sequence, message in messages]
    return [(sequence, envelope) for sequence, envelope in events if envelope.user_id == user]


async def test_published_signals_come_out_as_features(jetstream: JetStreamContext, folding: Folding) -> None:
    events = [
        session(NOON - timedelta(days=1)),
        activity(NOON - timedelta(hours=3), 45),
        busy_day(NOON - timedelta(hours=5), 4),
        sleep(NOON - timedelta(hours=6), 7.5),
    ]
    await publish_many(jetstream, events)
    async with consuming(jetstream, folding):
        await all_left(jetstream)
    state = await folding.store.get("example", "ada")
    assert state is not None
    assert state.sequence == 4
    assert state.values(FAMILY_OF, NOON) == {
        "sessions_7d": 1,
        "hours_since_activity": 3,
        "activity_minutes_7d": 45,
        "busy_hours_today": 4,
        "sleep_hours_last": 7.5,
    }


async def test_what_is_served_is_what_the_archive_replays(jetstream: JetStreamContext, folding: Folding) -> None:
    random = seeded(11)
    served = []
    async with consuming(jetstream, folding, batch_size=7):
        for _ in range(4):
            await publish_many(jetstream, [any_signal(random, user=random.choice(PEOPLE)) for _ in range(40)])
            await all_left(jetstream)
            at = NOON + timedelta(hours=random.uniform(-30, 30))
            for user in PEOPLE:
                state = await folding.store.get("example", user)
                assert state is not None
                served.append((user, state.sequence, at, state.values(FAMILY_OF, at)))
    archive = {user: await archived(jetstream, user) for user in PEOPLE}
    for user, sequence, at, values in served:
        assert values_at(archive[user], sequence, at, FAMILY_OF) == values


async def test_a_stream_that_is_read_again_from_its_beginning_writes_nothing(
    jetstream: JetStreamContext, bucket: KeyValue, folding: Folding
) -> None:
    random = seeded(12)
    await publish_many(jetstream, [any_signal(random, user=random.choice(PEOPLE)) for _ in range(300)])
    async with consuming(jetstream, folding):
        await all_left(jetstream)
    before = {user: await folding.store.get("example", user) for user in PEOPLE}
    written = (await bucket.status()).stream_info.state.last_seq

    await jetstream.delete_consumer("SIGNALS", SIGNALS.name)
    async with consuming(jetstream, folding):
        await all_left(jetstream)
    assert folding.delivered == 600
    assert (await bucket.status()).stream_info.state.last_seq == written
    assert {user: await folding.store.get("example", user) for user in PEOPLE} == before


async def test_two_consumers_side_by_side_fold_every_event_once(
    jetstream: JetStreamContext, bucket: KeyValue, folding: Folding
) -> None:
    other = Folding(NatsOnlineStore(bucket, Random(2)))  # noqa: S311  # spreads retries
    await publish_many(jetstream, [session(NOON - timedelta(minutes=minute)) for minute in range(90)])
    async with consuming(jetstream, folding, batch_size=5), consuming(jetstream, other, batch_size=5):
        await all_left(jetstream)
    state = await folding.store.get("example", "ada")
    assert state is not None
    assert state.values(["sessions_7d"], NOON) == {"sessions_7d": 90}


async def test_a_person_whose_document_is_unreadable_keeps_nobody_else_waiting(
    jetstream: JetStreamContext, bucket: KeyValue, folding: Folding
) -> None:
    await publish(jetstream, session(NOON, user="bo"))
    async with consuming(jetstream, folding):
        await all_left(jetstream)
        key = (await bucket.keys())[0]
        await bucket.put(key, b"broken")
        await publish_many(jetstream, [session(NOON, user="bo"), session(NOON, user="ada")])
        while await folding.store.get("example", "ada") is None:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
        await bucket.delete(key)
        await all_left(jetstream)
    state = await folding.store.get("example", "bo")
    assert state is not None
    assert state.values(["sessions_7d"], NOON) == {"sessions_7d": 1}


async def test_what_is_no_event_goes_to_the_dead_letters_and_the_rest_of_its_batch_is_folded(
    jetstream: JetStreamContext, folding: Folding
) -> None:
    await publish(jetstream, session(NOON))
    await jetstream.publish("signals.session_started", b'{"eventId": 1}')
    await publish(jetstream, session(NOON))
    async with consuming(jetstream, folding):
        await all_left(jetstream)
    state = await folding.store.get("example", "ada")
    assert state is not None
    assert state.values(["sessions_7d"], NOON) == {"sessions_7d": 2}
    assert await count(jetstream, "DLQ") == 1
