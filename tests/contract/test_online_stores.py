"""One suite for the online store in memory and the one in JetStream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import nats
import pytest

from oo.bus import streams
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.nats_online_store import NatsOnlineStore
from oo.features.online_store import OnlineStore
from oo.features.user_state import UserState
from tests.integration.nats_server import NatsServer

ADA = ("example", "ada")
KNOWN = UserState({"sessions": [[1, 2]]}, 7)
UNICODE = ("ada", "Ada", "ada.b", "ada b", "*", ">", "ådå", "🦉", "a/b", "=", "ad\na", "x" * 256)


@pytest.fixture(params=["memory", "nats"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OnlineStore]:
    if request.param == "memory":
        yield MemoryOnlineStore()
        return
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    await streams.ensure(jetstream)
    bucket = await jetstream.key_value(streams.FEATURES_BUCKET)
    # Many writers at once on one person, far more than there are consumers, need some patience.
    yield NatsOnlineStore(bucket, Random(1), attempts=30)  # noqa: S311  # spreads retries
    await client.close()
    server.stop()


async def test_of_a_new_person_there_is_no_state(store: OnlineStore) -> None:
    assert await store.get("example", "ada") is None


async def test_what_an_update_made_is_what_is_read(store: OnlineStore) -> None:
    assert await store.update({ADA: lambda _: KNOWN}) == {}
    assert await store.get("example", "ada") == KNOWN


async def test_an_update_begins_with_an_empty_state_and_goes_on_from_what_is_stored(store: OnlineStore) -> None:
    seen: list[UserState] = []

    def change(state: UserState) -> UserState:
        seen.append(state)
        return KNOWN if state == UserState() else UserState(state.families, state.sequence + 1)

    for _ in range(3):
        assert await store.update({ADA: change}) == {}
    assert seen == [UserState(), KNOWN, UserState(KNOWN.families, 8)]


async def test_a_change_that_changes_nothing_makes_nobody_known(store: OnlineStore) -> None:
    assert await store.update({ADA: lambda state: state}) == {}
    assert await store.get("example", "ada") is None


async def test_of_many_updates_at_once_none_is_lost(store: OnlineStore) -> None:
    async def write(number: int) -> None:
        def change(state: UserState) -> UserState:
            known = state.families.get("sessions", [])
            return UserState({"sessions": sorted([*known, [number]])}, max(state.sequence, number))

        assert await store.update({ADA: change}) == {}

    await asyncio.gather(*map(write, range(12)))
    state = await store.get("example", "ada")
    assert state is not None
    assert state.families["sessions"] == [[number] for number in range(12)]


async def test_many_people_are_updated_at_once_each_by_their_own_change(store: OnlineStore) -> None:
    people = [("example", f"user-{number}") for number in range(300)]
    for times in (1, 2):
        changes = {
            person: partial(lambda number, state: UserState({}, state.sequence + number), number)
            for number, person in enumerate(people, start=1)
        }
        assert await store.update(changes) == {}
        read = [await store.get(*person) for person in people]
        assert read == [UserState({}, times * number) for number in range(1, 301)]


async def test_to_update_nobody_is_done(store: OnlineStore) -> None:
    assert await store.update({}) == {}


async def test_people_are_kept_apart_whatever_their_ids_and_tenants_hold(store: OnlineStore) -> None:
    people = [(tenant, user) for tenant in UNICODE for user in UNICODE]
    states = [UserState({}, sequence) for sequence in range(1, len(people) + 1)]
    for (tenant, user), state in zip(people, states, strict=True):
        await store.update({(tenant, user): partial(replace, families={}, sequence=state.sequence)})
    assert [await store.get(tenant, user) for tenant, user in people] == states


async def test_a_failing_change_leaves_the_state_as_it_was(store: OnlineStore) -> None:
    assert await store.update({ADA: lambda _: KNOWN}) == {}

    def fail(_: UserState) -> UserState:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.update({ADA: fail})
    assert await store.get("example", "ada") == KNOWN


async def test_who_is_forgotten_is_new_again_and_nobody_else_is(store: OnlineStore) -> None:
    people = [(tenant, user) for tenant in ("example", "example2") for user in ("ada", "ada2", "*", ">")]
    for person in people:
        await store.update({person: lambda _: KNOWN})
    await store.forget("example", "*")
    await store.forget("example", "nobody")
    assert [person for person in people if await store.get(*person) is None] == [("example", "*")]
    await store.update({("example", "*"): lambda state: UserState(state.families, state.sequence + 1)})
    assert await store.get("example", "*") == UserState({}, 1)
