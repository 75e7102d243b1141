"""Reading a stream whole: a proof that ends early, or that a message can hide from, is none."""

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.stream_reader import messages

SUBJECT = "signals.session_started"


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)


async def read(js: JetStreamContext) -> list[int]:
    return [message.metadata.sequence.stream async for message in messages(js, "SIGNALS")]


@pytest.mark.parametrize("held", [0, 1, 500, 501, 1_300])
async def test_every_message_is_read_once_in_order(jetstream: JetStreamContext, held: int) -> None:
    for number in range(held):
        await jetstream.publish(SUBJECT, b"%d" % number)
    assert await read(jetstream) == list(range(1, held + 1))
    durables = {info.name for info in await jetstream.consumers_info("SIGNALS")}
    assert durables == {"signals-signals", "archive-signals"}, "it leaves no consumer behind"


async def test_large_messages_are_read_over_several_fetches(jetstream: JetStreamContext) -> None:
    for _ in range(40):
        await jetstream.publish(SUBJECT, b"x" * streams.MAX_EVENT_BYTES)
    assert await read(jetstream) == list(range(1, 41))


@pytest.mark.parametrize("status", ["100", "404", "408", "409", "503"])
async def test_no_message_passes_for_a_word_of_the_server(jetstream: JetStreamContext, status: str) -> None:
    for _ in range(3):
        await jetstream.publish(SUBJECT, b"", headers={"Status": status, "Description": "Batch Completed"})
    assert await read(jetstream) == [1, 2, 3]


async def test_what_was_deleted_is_no_end(jetstream: JetStreamContext) -> None:
    for _ in range(600):
        await jetstream.publish(SUBJECT, b"x")
    for sequence in range(2, 600):
        await jetstream.delete_msg("SIGNALS", sequence)
    assert await read(jetstream) == [1, 600]
