from collections import Counter
from collections.abc import Mapping

from oo.errors import OnlineStoreUnavailable
from oo.features.families import FAMILY_OF
from oo.features.folding import fold_batch
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.online_store import Change, Person
from tests.unit.features.signal_events import NOON, any_signal, seeded, session


class CountingStore(MemoryOnlineStore):
    """Counts updates a person, and is unavailable for some of them."""

    def __init__(self, *, unavailable_for: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.updates: Counter[str] = Counter()
        self.unavailable_for = unavailable_for

    async def update(self, changes: Mapping[Person, Change]) -> Mapping[Person, OnlineStoreUnavailable]:
        self.updates.update(user for _, user in changes)
        away = {person: change for person, change in changes.items() if person[1] in self.unavailable_for}
        await super().update({person: change for person, change in changes.items() if person not in away})
        return {person: OnlineStoreUnavailable(f"document of {person[1]} is away") for person in away}


async def test_a_batch_is_one_update_a_person() -> None:
    store = CountingStore()
    items = [(sequence, session(NOON, user=user)) for sequence, user in enumerate(["ada", "bo", "ada", "ada"], start=1)]
    assert await fold_batch(store, items) == [None, None, None, None]
    assert store.updates == {"ada": 1, "bo": 1}
    state = await store.get("example", "ada")
    assert state is not None
    assert state.sequence == 4
    assert state.values(["sessions_7d"], NOON) == {"sessions_7d": 3}


async def test_a_person_whose_document_is_away_keeps_nobody_else_waiting() -> None:
    store = CountingStore(unavailable_for=frozenset({"bo"}))
    items = [(1, session(NOON, user="bo")), (2, session(NOON, user="ada")), (3, session(NOON, user="bo"))]
    first, second, third = await fold_batch(store, items)
    assert isinstance(first, OnlineStoreUnavailable)
    assert second is None
    assert isinstance(third, OnlineStoreUnavailable)
    assert await store.get("example", "ada") is not None


async def test_the_same_user_id_of_two_tenants_is_two_people() -> None:
    store = MemoryOnlineStore()
    await fold_batch(store, [(1, session(NOON, tenant="a")), (2, session(NOON, tenant="b"))])
    for tenant, sequence in (("a", 1), ("b", 2)):
        state = await store.get(tenant, "ada")
        assert state is not None
        assert state.sequence == sequence


async def test_how_the_stream_is_cut_into_batches_does_not_matter() -> None:
    random = seeded(5)
    items = [(sequence, any_signal(random)) for sequence in range(1, 61)]
    whole, pieces = MemoryOnlineStore(), MemoryOnlineStore()
    await fold_batch(whole, items)
    while items:
        size = random.randint(1, 9)
        await fold_batch(pieces, items[:size])
        del items[:size]
    one, other = await whole.get("example", "ada"), await pieces.get("example", "ada")
    assert one == other
    assert one is not None
    assert all(value is not None for value in one.values(["sessions_7d", "activity_minutes_7d"], NOON).values())
    assert set(one.values(FAMILY_OF, NOON)) == set(FAMILY_OF)


async def test_an_empty_batch_is_done() -> None:
    assert await fold_batch(MemoryOnlineStore(), []) == []
