import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.publisher import IN_FLIGHT, publish, publish_many
from oo.errors import MessageTooLarge, PublishFailed
from oo.events.codec import decode
from oo.events.envelope import EVENT_TYPES, EventType
from oo.events.subjects import SUBJECTS
from tests.envelopes import envelope, shadowed
from tests.integration.consuming import count, until
from tests.integration.nats_server import NatsServer


@pytest.mark.parametrize("event_type", EVENT_TYPES)
async def test_each_event_is_stored_on_its_subject(jetstream: JetStreamContext, event_type: EventType) -> None:
    await streams.ensure(jetstream)
    event = envelope(event_type)
    acknowledged = await publish(jetstream, event)
    stored = await jetstream.get_msg(acknowledged.stream, acknowledged.seq)
    assert stored.subject == SUBJECTS[event_type]
    assert decode(stored.data or b"") == event


async def test_a_shadows_decision_is_stored_apart(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    acknowledged = await publish(jetstream, shadowed("score_decided"))
    assert (await jetstream.get_msg(acknowledged.stream, acknowledged.seq)).subject == "decisions.shadow.score"


async def test_the_same_event_is_stored_once(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    first = await publish(jetstream, envelope())
    again = await publish(jetstream, envelope(user_id="somebody else"))
    assert not first.duplicate
    assert again.duplicate
    assert again.seq == first.seq
    assert await count(jetstream, "SIGNALS") == 1


async def test_the_same_event_is_stored_once_over_a_restart(
    jetstream: JetStreamContext, nats_server: NatsServer, nats_client: Client
) -> None:
    await streams.ensure(jetstream)
    await publish(jetstream, envelope())
    nats_server.restart()
    await until(lambda: nats_client.stats["reconnects"] and nats_client.is_connected)
    assert (await publish(jetstream, envelope())).duplicate


async def test_an_event_over_the_limit_is_refused_by_name(jetstream: JetStreamContext, nats_client: Client) -> None:
    await streams.ensure(jetstream)
    huge = envelope("session_started", session_started={"surface": "x" * streams.MAX_EVENT_BYTES})
    with pytest.raises(MessageTooLarge, match=r"session_started example-session_started has 1000\d+ bytes"):
        await publish(jetstream, huge)
    assert nats_client.is_connected
    assert await count(jetstream, "SIGNALS") == 0


async def test_an_event_at_the_limit_is_stored(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    frame = len(envelope(event_id="e" * 256, session_started={"surface": ""}).to_json())
    filler = "x" * (streams.MAX_EVENT_BYTES - frame)
    await publish(jetstream, envelope(event_id="e" * 256, session_started={"surface": filler}))
    assert await count(jetstream, "SIGNALS") == 1


async def test_without_a_stream_nothing_is_acknowledged(jetstream: JetStreamContext) -> None:
    with pytest.raises(PublishFailed, match=r"signals\.session_started did not acknowledge .* publish it again"):
        await publish(jetstream, envelope())


async def test_without_a_server_the_time_budget_holds(jetstream: JetStreamContext, nats_server: NatsServer) -> None:
    await streams.ensure(jetstream)
    nats_server.stop()
    with pytest.raises(PublishFailed):
        await publish(jetstream, envelope(), timeout=0.1)


async def test_many_events_are_stored_once_each_and_counted(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    told: list[int] = []
    number = 2 * IN_FLIGHT + 1
    events = (envelope(event_id=f"e{n % number}") for n in range(number + 5))
    assert await publish_many(jetstream, events, told.append) == number + 5
    assert told == list(range(1, number + 6))
    assert await count(jetstream, "SIGNALS") == number


async def test_one_of_many_that_fails_is_named(jetstream: JetStreamContext) -> None:
    with pytest.raises(PublishFailed, match=r"signals\.session_started did not acknowledge"):
        await publish_many(jetstream, (envelope(event_id=f"e{n}") for n in range(3)))


async def test_ids_that_a_header_would_make_one_are_two_events(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)
    ids = ("a", " a", "a ", "b\nX: y", "b X: y", "ä", "a\u0308")
    for event_id in ids:
        assert not (await publish(jetstream, envelope(event_id=event_id))).duplicate
    for event_id in ids:
        assert (await publish(jetstream, envelope(event_id=event_id))).duplicate
    assert await count(jetstream, "SIGNALS") == len(ids)
