"""The batch that arrives while another is handled: kept, given back on a stop, not fetched in times of trouble."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from nats.js import JetStreamContext

from oo.bus import streams
from oo.bus.consumer import Consumer
from oo.bus.delivery import Acknowledge, Delivery, Door, RetryAfter
from oo.bus.publisher import publish_many
from tests.envelopes import envelope
from tests.integration.consuming import PATIENCE, SIGNALS, Diary, all_left, consuming, until


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)


class Slow:
    """A handler that keeps each batch until it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.go = asyncio.Event()

    async def __call__(self, deliveries: Sequence[Delivery]) -> list[Door]:
        self.begun.append([delivery.sequence for delivery in deliveries])
        await self.go.wait()
        return [Acknowledge() for _ in deliveries]


async def fill(js: JetStreamContext, events: int) -> None:
    for number in range(events):  # one after the other, so that they are in order
        await publish_many(js, [envelope(event_id=f"e{number}")])


async def delivered(js: JetStreamContext) -> int:
    info = await js.consumer_info(SIGNALS.stream, SIGNALS.name)
    return info.num_ack_pending or 0


async def deliveries_become(js: JetStreamContext, expected: int) -> None:
    async with asyncio.timeout(10):
        while await delivered(js) != expected:  # noqa: ASYNC110  # it is asked, there is no event
            await asyncio.sleep(0.01)


async def test_behind_a_full_batch_the_next_arrives_and_no_other(jetstream: JetStreamContext) -> None:
    await fill(jetstream, 25)
    slow = Slow()
    async with consuming(jetstream, slow, batch_size=10):
        await deliveries_become(jetstream, 20)
        assert slow.begun == [list(range(1, 11))]
        slow.go.set()
        await all_left(jetstream)
    assert slow.begun == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]


async def test_behind_a_batch_that_is_not_full_nothing_is_fetched(jetstream: JetStreamContext) -> None:
    await fill(jetstream, 9)
    slow = Slow()
    async with consuming(jetstream, slow, batch_size=10):
        await until(lambda: slow.begun)
        await fill(jetstream, 20)  # the first nine are stored already
        await jetstream.publish("signals.session_started", b"x")
        assert await delivered(jetstream) == 9
        slow.go.set()
        await all_left(jetstream)


async def test_behind_one_that_came_before_nothing_is_fetched(jetstream: JetStreamContext) -> None:
    """It may end the process each time, and each time the others would be a delivery nearer to the dead letters."""
    await fill(jetstream, 30)
    times: dict[int, int] = {}
    hold, go = asyncio.Event(), asyncio.Event()

    async def apply(deliveries: Sequence[Delivery]) -> list[Door]:
        if any(delivery.delivered > 1 for delivery in deliveries):
            hold.set()
            await go.wait()
        for delivery in deliveries:
            times[delivery.sequence] = delivery.delivered
        return [
            RetryAfter(0.0, "again") if delivery.sequence == 1 and delivery.delivered == 1 else Acknowledge()
            for delivery in deliveries
        ]

    async with consuming(jetstream, apply, batch_size=10):
        await asyncio.wait_for(hold.wait(), 10)
        in_hand = await delivered(jetstream)
        assert in_hand <= 10
        go.set()
        await all_left(jetstream)
    assert times == {1: 2} | dict.fromkeys(range(2, 31), 1)


async def test_after_a_stop_the_batch_behind_goes_to_another_process_at_once(jetstream: JetStreamContext) -> None:
    await fill(jetstream, 20)
    slow, other = Slow(), Diary()
    async with consuming(jetstream, slow, batch_size=10):
        await deliveries_become(jetstream, 20)
        slow.go.set()
        stopped = time.monotonic()
    async with consuming(jetstream, other, batch_size=10):
        await all_left(jetstream)
    assert time.monotonic() - stopped < streams.ACK_WAIT / 3
    done = {sequence for batch in slow.begun for sequence in batch}
    assert sorted(done | {delivery.sequence for delivery in other.deliveries}) == list(range(1, 21))
    assert not done & {delivery.sequence for delivery in other.deliveries}


async def test_the_batch_behind_is_kept_for_as_long_as_the_one_in_front_takes(jetstream: JetStreamContext) -> None:
    config = (await jetstream.consumer_info("SIGNALS", SIGNALS.name)).config
    await jetstream.add_consumer("SIGNALS", config.evolve(ack_wait=0.5))
    await fill(jetstream, 20)
    slow, other = Slow(), Diary()
    async with consuming(jetstream, slow, batch_size=10):
        await deliveries_become(jetstream, 20)
        async with consuming(jetstream, other):  # takes whatever ran out
            await asyncio.sleep(1.5)  # three times the ack wait: what this is about
        slow.go.set()
        await all_left(jetstream)
    assert slow.begun == [list(range(1, 11)), list(range(11, 21))]
    assert other.deliveries == []


async def test_a_stop_does_not_wait_until_a_batch_is_full(jetstream: JetStreamContext) -> None:
    await fill(jetstream, 3)
    first, other, stop = Diary(), Diary(), asyncio.Event()
    consumer = Consumer(jetstream, SIGNALS, first, fill_seconds=PATIENCE)
    running = asyncio.create_task(consumer.run(stop))
    await deliveries_become(jetstream, 3)
    stop.set()
    await asyncio.wait_for(running, PATIENCE / 3)
    async with consuming(jetstream, other):
        await all_left(jetstream)
    assert first.deliveries == []
    assert sorted(delivery.sequence for delivery in other.deliveries) == [1, 2, 3]


async def test_a_batch_is_what_came_by_its_time(jetstream: JetStreamContext) -> None:
    await fill(jetstream, 3)
    diary, stop = Diary(), asyncio.Event()
    running = asyncio.create_task(Consumer(jetstream, SIGNALS, diary, fill_seconds=0.5).run(stop))
    await all_left(jetstream)
    stop.set()
    await running
    assert [[delivery.sequence for delivery in batch] for batch in diary.batches] == [[1, 2, 3]]
