"""What has to be there: a single pass in this process over the clean events, each once, by event time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, select

from oo import catalog as catalogs
from oo.bus.delivery import Delivery
from oo.events.envelope import Envelope
from oo.features.nats_online_store import document_key
from oo.features.user_state import UserState
from oo.offline.archived import Archived
from oo.rewards import database, join
from tests.soak.message import Message, readers
from tests.soak.population import CATALOG

AT_ONCE = 1_000

Pair = tuple[Message, Delivery]
"""A message and where its stream holds it."""
Row = Mapping[str, Any]


def documents(pairs: Sequence[Pair]) -> dict[str, UserState]:
    """The online store by its keys.

    `sequence` is no fold but says how far the stream was read: the highest of the person's own events, duplicates too.
    """
    states: dict[str, UserState] = {}
    for envelope in _clean(message for message, _ in pairs if "signals" in readers(message.subject)):
        key = document_key(envelope.tenant_id, envelope.user_id)
        states[key] = states.get(key, UserState()).fold(envelope, 0)
    for message, delivery in pairs:
        if message.envelope is not None and delivery.stream == "SIGNALS":
            key = document_key(message.envelope.tenant_id, message.envelope.user_id)
            states[key] = replace(states[key], sequence=max(states[key].sequence, delivery.sequence))
    return states


def joined(pairs: Sequence[Pair], folder: Path) -> Engine:
    """A database of `tip_scores`; SQLite, whatever the run has, so that one product judges the other."""
    catalog = catalogs.load([CATALOG])
    engine = database.connect(f"sqlite:///{folder / 'expected.db'}")
    taken = [m for m, _ in pairs if "rewards" in readers(m.subject) and "rewards" not in m.reasons]
    clean = list(_clean(taken))
    for start in range(0, len(clean), AT_ONCE):
        join.apply(engine, clean[start : start + AT_ONCE], lambda tenant: catalog.tenant(tenant).reward_window)
    return engine


def rows(engine: Engine, table: Table) -> dict[tuple[str, ...], Row]:
    """All rows with all columns, by their key."""
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    return {tuple(row[column.name] for column in table.primary_key): row for row in found}


def archived(pairs: Iterable[Pair]) -> dict[tuple[str, int], Archived]:
    """The rows of the offline store, by stream and sequence: all that is an event, duplicates too."""
    return {
        (delivery.stream, delivery.sequence): Archived.of(delivery, message.envelope)
        for message, delivery in pairs
        if message.envelope is not None
    }


def letters(pairs: Iterable[Pair]) -> dict[tuple[str, str, int], tuple[str, str, bytes]]:
    """Reason, subject and bytes of each dead letter, by who rejects what."""
    return {
        (consumer, delivery.stream, delivery.sequence): (reason, message.subject, message.data)
        for message, delivery in pairs
        for consumer, reason in message.reasons.items()
    }


def _clean(messages: Iterable[Message]) -> Iterator[Envelope]:
    """The events by event time; of those with one id the first."""
    seen: set[tuple[str, str]] = set()
    events = [message.envelope for message in messages if message.envelope is not None]
    for envelope in sorted(events, key=lambda envelope: envelope.occurred_at):
        if (known := (envelope.tenant_id, envelope.event_id)) not in seen:
            seen.add(known)
            yield envelope
