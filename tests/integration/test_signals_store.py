"""The online store in JetStream where it differs from any other: revisions, tombstones, silence."""

import asyncio
from collections.abc import Sequence
from random import Random

import nats
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.kv import KeyValue

from oo.bus import streams
from oo.bus.requests import Question, Requests
from oo.errors import OnlineStoreUnavailable
from oo.features.nats_online_store import NatsOnlineStore, document_key
from oo.features.user_state import UserState
from tests.integration.nats_server import PATIENCE, NatsServer

ADA = ("example", "ada")
KEY = document_key(*ADA)


@pytest.fixture
async def bucket(jetstream: JetStreamContext) -> KeyValue:
    await streams.ensure(jetstream)
    return await jetstream.key_value(streams.FEATURES_BUCKET)


def store_in(bucket: KeyValue, *, attempts: int = 10) -> NatsOnlineStore:
    return NatsOnlineStore(bucket, Random(1), attempts=attempts, pause=0.001, patience=0.5)  # noqa: S311  # spreads retries


async def test_a_change_that_changes_nothing_writes_nothing(bucket: KeyValue) -> None:
    store = store_in(bucket)
    assert await store.update({ADA: lambda _: UserState({}, 1)}) == {}
    written = (await bucket.get(KEY)).revision
    assert await store.update({ADA: lambda state: state}) == {}
    assert (await bucket.get(KEY)).revision == written


async def test_a_deleted_person_begins_anew(bucket: KeyValue) -> None:
    store = store_in(bucket)
    assert await store.update({ADA: lambda _: UserState({}, 1)}) == {}
    await bucket.delete(KEY)
    assert await store.get("example", "ada") is None
    assert await store.update({ADA: lambda state: UserState({}, state.sequence + 5)}) == {}
    assert await store.get("example", "ada") == UserState({}, 5)


async def test_a_writer_that_never_comes_first_gives_up_and_overwrites_nobody(bucket: KeyValue) -> None:
    store = store_in(bucket, attempts=3)
    rival = UserState({}, 100)
    assert await store.update({ADA: lambda _: rival}) == {}
    calls = 0
    ask = Requests.ask

    async def late_ask(requests: Requests, questions: Sequence[Question], seconds: float) -> list[Msg | None]:
        nonlocal calls
        if questions[0].data:  # a compare-and-set: the reads carry nothing
            calls += 1
            await bucket.put(KEY, rival.to_json())
        return await ask(requests, questions, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Requests, "ask", late_ask)
        failures = await store.update({ADA: lambda _: UserState({}, 1)})
    assert "3 times in a row" in str(failures[ADA])
    assert calls == 3
    assert await store.get("example", "ada") == rival


async def test_an_unreadable_document_is_named_with_its_remedy(bucket: KeyValue) -> None:
    await bucket.put(KEY, b"{")
    with pytest.raises(OnlineStoreUnavailable, match=f"document {KEY} is unreadable; delete it"):
        await store_in(bucket).get("example", "ada")
    failures = await store_in(bucket).update({ADA: lambda state: state})
    assert f"document {KEY} is unreadable; delete it" in str(failures[ADA])


async def test_a_server_that_is_away_is_said_to_be_away_and_found_again(
    nats_server: NatsServer, bucket: KeyValue
) -> None:
    assert await store_in(bucket).update({ADA: lambda _: UserState({}, 1)}) == {}
    back = asyncio.Event()

    async def reconnected() -> None:
        back.set()

    client = await nats.connect(nats_server.url, reconnect_time_wait=0.05, reconnected_cb=reconnected)
    store = store_in(await client.jetstream(timeout=0.5).key_value(streams.FEATURES_BUCKET))
    nats_server.stop()
    with pytest.raises(OnlineStoreUnavailable, match=f"document {KEY}"):
        await store.get("example", "ada")
    failures = await store.update({ADA: lambda _: UserState({}, 2)})
    assert f"document {KEY}" in str(failures[ADA])
    nats_server.start()
    await asyncio.wait_for(back.wait(), PATIENCE)
    assert await store.get("example", "ada") == UserState({}, 1)
    await client.close()
