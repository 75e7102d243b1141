"""Whether what is there is what has to be there."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import Header, RawStreamMsg
from sqlalchemy import Engine

from oo.bus.dead_letters import Letter
from oo.bus.delivery import Delivery
from oo.bus.stream_reader import messages as messages_of
from oo.bus.streams import FEATURES_BUCKET
from oo.events.envelope import EVENT_TYPES
from oo.features.user_state import UserState
from oo.offline.archived import Archived
from oo.offline.continuity import verify
from oo.offline.store import OfflineStore
from oo.offline.stream_account import ARCHIVED_STREAMS
from oo.rewards.tables import tip_feedback, tip_scores
from tests.soak import expected
from tests.soak.differences import differences, doubled
from tests.soak.expected import Pair
from tests.soak.message import Message, stream_of
from tests.soak.publishing import message_id


async def stored(js: JetStreamContext, stream: str) -> list[Delivery]:
    """All messages of the stream, in its order."""
    return [Delivery.of(message) async for message in messages_of(js, stream)]


async def documents(js: JetStreamContext) -> dict[str, UserState]:
    """The online store by its keys."""
    prefix = f"$KV.{FEATURES_BUCKET}."
    held = await stored(js, f"KV_{FEATURES_BUCKET}")
    return {each.subject.removeprefix(prefix): UserState.from_json(each.data) for each in held}


async def letters(js: JetStreamContext) -> list[Letter]:
    """All dead letters, in their stream's order."""
    return [_letter(delivery) for delivery in await stored(js, "DLQ")]


async def pairs(client: Client, messages: Sequence[Message]) -> tuple[list[Pair], list[str]]:
    """Where each message is; and what is wrong when the streams do not hold each once, to the byte."""
    held = [delivery for stream in ARCHIVED_STREAMS for delivery in await stored(client.jetstream(), stream)]
    published = {
        message_id(number): (stream_of(message.subject), message.subject, message.data)
        for number, message in enumerate(messages)
    }
    ids = [delivery.headers[Header.MSG_ID.value] for delivery in held]
    there = {
        held_id: (delivery.stream, delivery.subject, delivery.data) for held_id, delivery in zip(ids, held, strict=True)
    }
    wrong = doubled("the bus", ids) + differences("the bus", published, there)
    delivery_of = dict(zip(ids, held, strict=True))
    found = [
        (message, delivery_of[name])
        for number, message in enumerate(messages)
        if (name := message_id(number)) in delivery_of
    ]
    return found, wrong


async def online_store(client: Client, known: Sequence[Pair]) -> list[str]:
    return differences("the online store", expected.documents(known), await documents(client.jetstream()))


def scores(engine: Engine, clean: Engine) -> list[str]:
    return [
        line
        for table in (tip_scores, tip_feedback)
        for line in differences(table.name, expected.rows(clean, table), expected.rows(engine, table))
    ]


async def offline_store(client: Client, folder: Path, known: Sequence[Pair]) -> list[str]:
    store = OfflineStore(folder)
    rows = [Archived(**row) for batch in store.scan(EVENT_TYPES) for row in batch.to_pylist()]
    keys = [(row.stream, row.sequence) for row in rows]
    wanted = expected.archived(known)
    wrong = doubled("the offline store", keys)
    wrong += differences("the offline store", wanted, dict(zip(keys, rows, strict=True)))
    for stream in ARCHIVED_STREAMS:
        found = await verify(client.jetstream(), store, stream)
        kept = sum(of == stream for of, _ in wanted)
        if not found.proven or found.rows != kept or found.deleted:
            wrong.append(f"`oo offline verify` finds of {kept} rows: {found}")
    return wrong


async def dead_letters(client: Client, known: Sequence[Pair]) -> list[str]:
    written = await letters(client.jetstream())
    found = {each.identity: (each.reject.reason, each.original.subject, each.original.data) for each in written}
    wrong = doubled("the dead letters", [letter.identity for letter in written])
    return wrong + differences("the dead letters", expected.letters(known), found)


async def all_of(client: Client, known: Sequence[Pair], engine: Engine, clean: Engine, offline: Path) -> list[str]:
    """Every difference, of every sink."""
    return [
        *await online_store(client, known),
        *await asyncio.to_thread(scores, engine, clean),
        *await offline_store(client, offline, known),
        *await dead_letters(client, known),
    ]


def _letter(delivery: Delivery) -> Letter:
    return Letter.of(
        RawStreamMsg(
            subject=delivery.subject,
            seq=delivery.sequence,
            data=delivery.data,
            headers=dict(delivery.headers),
            stream=delivery.stream,
            time=delivery.published_at,
        )
    )
