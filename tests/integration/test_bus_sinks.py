"""Which failure of which sink is an outage, at the consumers' own handlers and real stores."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.kv import KeyValue
from sqlalchemy import text

from consumers.archive import keeping
from consumers.rewards import joining
from consumers.signals import folding
from oo import catalog as catalogs
from oo.bus import streams
from oo.bus.delivery import Acknowledge, Delivery, RetryAfter
from oo.errors import OfflineStoreFailed, SinkUnavailable
from oo.events.envelope import Envelope
from oo.features.nats_online_store import NatsOnlineStore, document_key
from oo.offline.store import OfflineStore
from oo.rewards import database
from tests.envelopes import envelope
from tests.integration.consuming import until
from tests.integration.nats_server import NatsServer

MOMENT = envelope().occurred_at


def delivered(event: Envelope, sequence: int = 1, delivered: int = 1) -> tuple[Delivery, Envelope]:
    return Delivery("subject", event.to_json(), {}, "SIGNALS", sequence, MOMENT, delivered), event


async def test_an_offline_store_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    place = tmp_path / "offline"
    place.write_text("where a folder belongs")
    apply = keeping(OfflineStore(place))
    with pytest.raises(SinkUnavailable, match=r"offline store .* can be reached and written"):
        await apply([delivered(envelope())])
    place.unlink()
    assert await apply([delivered(envelope())]) == [Acknowledge()]


class Unstorable(OfflineStore):
    def append(self, rows: object) -> int:  # noqa: ARG002  # as its parent's
        raise OfflineStoreFailed("a value that no column takes") from ValueError("out of range")


async def test_rows_that_no_store_would_take_are_none(tmp_path: Path) -> None:
    with pytest.raises(OfflineStoreFailed):
        await keeping(Unstorable(tmp_path))([delivered(envelope())])


async def test_a_database_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    engine = database.connect(f"sqlite:///{tmp_path / 'scores.db'}")
    apply = joining(engine, catalogs.load([Path("catalog/tips.yaml")]))
    exposed = delivered(envelope("tip_exposed").model_copy(update={"tenant_id": "example"}))
    with engine.connect() as other:
        other.execute(text("ALTER TABLE tip_feedback RENAME TO elsewhere"))
        other.commit()
        with pytest.raises(SinkUnavailable, match=r"database of tip_scores: .*tip_feedback.* is it running"):
            await apply([exposed])
        other.execute(text("ALTER TABLE elsewhere RENAME TO tip_feedback"))
        other.commit()
    assert await apply([exposed]) == [Acknowledge()]
    engine.dispose()


@pytest.fixture
async def impatient(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_server.url)
    yield client.jetstream(timeout=0.3)
    await client.close()


@pytest.fixture
async def bucket(impatient: JetStreamContext) -> KeyValue:
    await streams.ensure(impatient)
    return await impatient.key_value(streams.FEATURES_BUCKET)


def store_in(bucket: KeyValue) -> NatsOnlineStore:
    return NatsOnlineStore(bucket, Random(1), patience=0.3)  # noqa: S311  # spreads retries


async def test_an_online_store_that_is_away_is_an_outage(
    bucket: KeyValue, nats_server: NatsServer, impatient: JetStreamContext
) -> None:
    apply = folding(store_in(bucket))
    await asyncio.to_thread(nats_server.stop)
    with pytest.raises(SinkUnavailable, match="is the NATS server running"):
        await apply([delivered(envelope())])
    await asyncio.to_thread(nats_server.start)
    await until(lambda: impatient._nc.is_connected)  # noqa: SLF001  # the context has no public way to it


async def test_an_online_store_that_was_deleted_is_an_outage(bucket: KeyValue, impatient: JetStreamContext) -> None:
    await impatient.delete_key_value(streams.FEATURES_BUCKET)
    with pytest.raises(SinkUnavailable):
        await folding(store_in(bucket))([delivered(envelope())])


async def test_a_document_that_is_unreadable_holds_up_its_own_person_alone_and_longer_each_time(
    bucket: KeyValue,
) -> None:
    await bucket.put(document_key("tips", "bo"), b"broken", validate_keys=False)
    apply = folding(store_in(bucket))
    bo, ada = envelope().model_copy(update={"user_id": "bo"}), envelope()
    for times, seconds in ((1, 1), (2, 2), (4, 8)):
        doors = await apply([delivered(bo, 1, times), delivered(ada, 2, times)])
        assert doors == [
            RetryAfter(seconds, "its person's document cannot be changed", "OnlineStoreUnavailable"),
            Acknowledge(),
        ]
