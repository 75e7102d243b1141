"""Train/serve skew: the signal values that were served, against the same folds run again over the archive."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from operator import itemgetter
from typing import TypedDict

from oo.events.codec import decode
from oo.events.envelope import Envelope
from oo.features.replay import values_at
from oo.features.services import FeatureService, Values
from oo.offline.store import OfflineStore

NEWEST = 1_000
"""How many decisions are checked at most: skew comes from the code that runs now, so the newest ones show it."""

Person = tuple[str, str]
History = Sequence[tuple[int, Envelope]]


@dataclass(frozen=True, slots=True)
class Served:
    """What a decision was made from, as its record logged it."""

    decision_id: str
    tenant_id: str
    user_id: str
    decided_at: datetime
    signal: Values
    signal_sequence: int


class Skew(TypedDict):
    """How many values were checked, and how many of them differ."""

    checked: int
    differing: int


def check_skew(store: OfflineStore, service: FeatureService, served: Sequence[Served], version: int) -> Skew:
    """Fold the archive again for the newest of these decisions and count the values that were served differently.

    Both sides run the same folds over the same numbers, so equal means equal to the bit.

    Args:
        store: the archive of signals.
        service: names the signal features.
        served: decisions in the order of their times.
        version: the table version to read.
    """
    names = service.signal_names()
    decisions: defaultdict[Person, list[Served]] = defaultdict(list)
    for decision in served[-NEWEST:] if names else ():
        decisions[decision.tenant_id, decision.user_id].append(decision)
    skew = Skew(checked=0, differing=0)
    for person, history in _histories(store, list(decisions), version):
        for decision in decisions.pop(person, ()):
            _compare(decision, history, names, skew)
    for decision in chain.from_iterable(decisions.values()):  # people without any signal
        _compare(decision, (), names, skew)
    return skew


def _compare(decision: Served, history: History, names: Sequence[str], skew: Skew) -> None:
    values = values_at(history, decision.signal_sequence, decision.decided_at, names)
    skew["checked"] += len(names)
    skew["differing"] += sum(decision.signal.get(name) != values[name] for name in names)


def _histories(store: OfflineStore, people: Sequence[Person], version: int) -> Iterator[tuple[Person, History]]:
    tenants, users = (sorted(set(ids)) for ids in zip(*people, strict=True)) if people else ([], [])
    batches = store.signals(tenant_ids=tenants, user_ids=users, version=version)
    rows = (row for batch in batches for row in batch.to_pylist())
    for person, signals in groupby(rows, key=itemgetter("tenant_id", "user_id")):
        yield person, [(row["sequence"], decode(row["payload"].encode())) for row in signals]
