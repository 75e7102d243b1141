"""Tombstones on a real server: who was erased is known to every batch that is delivered afterwards."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject
from oo.bus.handling import Told, events_only
from oo.bus.publisher import publish
from oo.bus.tombstones import Person, Tombstones, lay, standing
from oo.errors import BusUnreachable, SinkUnavailable
from oo.events.envelope import Envelope
from tests.envelopes import envelope
from tests.integration.consuming import all_left, consuming
from tests.integration.nats_server import NatsServer

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = Person("tips", "ada")


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)


def at(moment: datetime, person: Person = ADA) -> Envelope:
    return envelope(occurred_at=moment, tenant_id=person.tenant_id, user_id=person.user_id)


async def test_what_happened_until_then_is_covered_and_what_happened_afterwards_or_to_others_is_not(
    jetstream: JetStreamContext,
) -> None:
    tombstones = Tombstones(jetstream)
    await tombstones.refresh()
    assert not tombstones.cover(at(NOON))
    await lay(jetstream, ADA, NOON)
    await tombstones.refresh()
    assert tombstones.cover(at(NOON - timedelta(days=999)))
    assert tombstones.cover(at(NOON))
    assert not tombstones.cover(at(NOON + timedelta(microseconds=1)))
    for other in (Person("tips", "ada2"), Person("tip", "sada"), Person("tipsa", "da"), Person("ada", "tips")):
        assert not tombstones.cover(at(NOON, other))


async def test_a_tombstone_moves_forward_only(jetstream: JetStreamContext) -> None:
    tombstones = Tombstones(jetstream)
    assert await standing(jetstream, ADA) is None
    for erased_at in (NOON, NOON + timedelta(hours=1), NOON - timedelta(hours=1)):
        await lay(jetstream, ADA, erased_at)
        await tombstones.refresh()
    assert await standing(jetstream, ADA) == NOON + timedelta(hours=1)
    assert tombstones.cover(at(NOON + timedelta(hours=1)))
    assert not tombstones.cover(at(NOON + timedelta(hours=2)))


async def test_a_tombstone_holds_no_name(jetstream: JetStreamContext) -> None:
    await lay(jetstream, Person("secret-tenant", "secret-person"), NOON)
    message = await jetstream.get_msg("KV_tombstones", 1)
    assert "secret" not in f"{message.subject}{message.data!r}"


async def test_a_bucket_that_was_made_again_is_read_from_its_beginning(jetstream: JetStreamContext) -> None:
    tombstones = Tombstones(jetstream)
    for number in range(3):
        await lay(jetstream, Person("tips", f"p{number}"), NOON)
    await tombstones.refresh()
    for laid in (1, 3, 5):  # fewer than before, as many, more
        await jetstream.delete_stream("KV_tombstones")
        with pytest.raises(SinkUnavailable, match="`oo bootstrap` makes it"):
            await tombstones.refresh()
        await streams.ensure(jetstream)
        people = [Person("tips", f"{laid}-{number}") for number in range(laid)]
        for person in people:
            await lay(jetstream, person, NOON)
        await tombstones.refresh()
        assert all(tombstones.cover(at(NOON, person)) for person in people)
    assert tombstones.cover(at(NOON, Person("tips", "p0"))), "nobody comes back"


async def test_without_an_answer_nothing_has_an_effect(nats_client: Client, nats_server: NatsServer) -> None:
    impatient = nats_client.jetstream(timeout=0.2)
    nats_server.freeze()
    try:
        with pytest.raises(SinkUnavailable, match="does not tell who was erased"):
            await Tombstones(impatient).refresh()
        with pytest.raises(BusUnreachable, match="the tombstone was not acknowledged"):
            await lay(impatient, ADA, NOON)
    finally:
        nats_server.thaw()


@pytest.mark.parametrize("traces", [False, True])
async def test_events_of_who_was_erased_are_acknowledged_without_an_effect(
    jetstream: JetStreamContext, *, traces: bool
) -> None:
    applied: list[tuple[str, str, bytes]] = []

    async def apply(events: Sequence[Told]) -> Sequence[Door]:
        applied.extend((event.event_id, event.user_id, delivery.data) for delivery, event in events)
        return [Acknowledge() if event.event_id != "bo" else Reject("odd", "bo") for _, event in events]

    told = [
        envelope(event_id=name, user_id=name.rstrip("0123456789"), occurred_at=NOON)
        for name in ("ada1", "bo", "ada2", "cy")
    ]
    for event in told:
        await publish(jetstream, event)
    await jetstream.publish("signals.session_started", b"no event")
    await lay(jetstream, ADA, NOON)

    async with consuming(jetstream, events_only(apply, tombstones=Tombstones(jetstream), traces=traces)):
        await all_left(jetstream)

    whole = [(event.event_id, event.user_id, event.to_json()) for event in told if event.user_id != "ada"]
    blank = [("ada1", "", b""), ("ada2", "", b"")] if traces else []
    assert sorted(applied) == sorted(whole + blank)
    assert (await jetstream.stream_info("DLQ")).state.messages == 2, "what is rejected is rejected"


async def test_a_tombstone_that_is_laid_while_a_consumer_runs_judges_the_next_delivery(
    jetstream: JetStreamContext,
) -> None:
    effects: list[str] = []

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        effects.extend(event.event_id for _, event in events)
        return [Acknowledge()] * len(events)

    async with consuming(jetstream, events_only(apply, tombstones=Tombstones(jetstream))):
        for number in range(20):
            person = Person("tips", f"p{number}")
            moment = NOON + timedelta(seconds=number)
            await publish(jetstream, at(moment, person).model_copy(update={"event_id": f"before-{number}"}))
            await all_left(jetstream)
            await lay(jetstream, person, moment)
            await publish(jetstream, at(moment, person).model_copy(update={"event_id": f"after-{number}"}))
            await all_left(jetstream)
    assert effects == [f"before-{number}" for number in range(20)]
