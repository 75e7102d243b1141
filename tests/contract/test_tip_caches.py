"""The cache of written tips and its fake pass one suite."""

from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
from nats.js.kv import KeyValue

from oo.bus import streams
from oo.errors import TipCacheUnavailable
from oo.writing.nats_tip_cache import NatsTipCache
from oo.writing.tip import Tip
from oo.writing.tip_cache import Kept, MemoryTipCache, TipCache
from tests.integration.nats_server import NatsServer

TIP = Tip("Früh ins Bett", "Leg das Telefon um zehn weg.", "de", "rest")
KEPT = Kept("ab" * 32, "canned", (TIP, TIP), datetime(2026, 11, 20, 7, 30, 15, 123456, tzinfo=UTC))
HASH, OTHER_HASH = "cd" * 32, "ef" * 32
PEOPLE = [("example", "ada"), ("other", "ada"), ("example", "bob"), ("example", "ada.*"), ("a b.>", "ünï \n")]


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[KeyValue]:
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    await streams.ensure(jetstream)
    yield await jetstream.key_value(streams.TIPS_BUCKET)
    await client.close()
    server.stop()


@pytest.fixture(params=["nats", "memory"])
def cache(request: pytest.FixtureRequest) -> TipCache:
    if request.param == "memory":
        return MemoryTipCache()
    return NatsTipCache(request.getfixturevalue("bucket"), patience=5)


async def test_what_is_kept_comes_back_as_it_was(cache: TipCache) -> None:
    await cache.put("example", "ada", HASH, KEPT)

    assert await cache.get("example", "ada", HASH) == KEPT


async def test_nothing_is_kept_at_first(cache: TipCache) -> None:
    assert await cache.get("example", "ada", HASH) is None
    assert await cache.count("example", "ada") == 0


async def test_the_latest_takes_the_place_of_what_was_kept_before(cache: TipCache) -> None:
    later = Kept("12" * 32, "another", (TIP,), KEPT.written_at)
    await cache.put("example", "ada", HASH, KEPT)
    await cache.put("example", "ada", HASH, later)

    assert await cache.get("example", "ada", HASH) == later
    assert await cache.count("example", "ada") == 1


async def test_people_and_prompts_have_tips_of_their_own(cache: TipCache) -> None:
    for tenant, user in PEOPLE:
        await cache.put(tenant, user, HASH, Kept(f"{tenant}/{user}", "canned", (TIP,), KEPT.written_at))

    for tenant, user in PEOPLE:
        kept = await cache.get(tenant, user, HASH)
        assert kept is not None
        assert kept.state == f"{tenant}/{user}"
        assert await cache.get(tenant, user, OTHER_HASH) is None


async def test_a_person_is_forgotten_with_all_prompts_and_nobody_else_is(cache: TipCache) -> None:
    for tenant, user in PEOPLE:
        for prompt_hash in (HASH, OTHER_HASH):
            await cache.put(tenant, user, prompt_hash, KEPT)
    assert await cache.count("example", "ada") == 2

    await cache.forget("example", "ada")

    assert [await cache.count(tenant, user) for tenant, user in PEOPLE] == [0, 2, 2, 2, 2]
    assert await cache.get("example", "ada", HASH) is None


async def test_unreadable_tips_are_an_answer_of_their_own_without_their_text(bucket: KeyValue) -> None:
    cache = NatsTipCache(bucket, patience=5)
    await cache.put("example", "ada", HASH, KEPT)
    (key,) = await bucket.keys()
    await bucket.put(key, b'{"state": "personal words"}')

    with pytest.raises(TipCacheUnavailable, match="are unreadable: 3 faults") as refusal:
        await cache.get("example", "ada", HASH)
    assert "personal" not in str(refusal.value)


async def test_a_server_that_is_away_is_told_within_the_patience(bucket: KeyValue) -> None:
    cache = NatsTipCache(bucket, patience=0.1)
    await bucket._js._nc.close()  # noqa: SLF001  # the bucket has no public way to its connection

    questions: list[Coroutine[None, None, object]] = [
        cache.get("example", "ada", HASH),
        cache.put("example", "ada", HASH, KEPT),
        cache.count("example", "ada"),
        cache.forget("example", "ada"),
    ]
    for question in questions:
        with pytest.raises(TipCacheUnavailable):
            await question
