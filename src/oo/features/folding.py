"""What the signals consumer does with a batch."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from oo.errors import OnlineStoreUnavailable
from oo.events.envelope import Envelope
from oo.features.online_store import OnlineStore, Person
from oo.features.user_state import UserState


async def fold_batch(store: OnlineStore, items: Sequence[tuple[int, Envelope]]) -> list[OnlineStoreUnavailable | None]:
    """Fold events into the documents of the people that they are about: one update a person, all people at once.

    Args:
        store: where the documents are.
        items: events with their sequences in the SIGNALS stream.

    Returns:
        For each item, None when it is folded and stored, else why its person's document could not be updated. One
        person's failure leaves the others alone, and folding an item again is harmless.
    """
    people: defaultdict[Person, list[tuple[int, Envelope]]] = defaultdict(list)
    for sequence, envelope in items:
        people[envelope.tenant_id, envelope.user_id].append((sequence, envelope))
    failures = await store.update({person: partial(_folded, about) for person, about in people.items()})
    return [failures.get((envelope.tenant_id, envelope.user_id)) for _, envelope in items]


def _folded(items: Sequence[tuple[int, Envelope]], state: UserState) -> UserState:
    for sequence, envelope in items:
        state = state.fold(envelope, sequence)
    return state
