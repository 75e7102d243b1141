"""How far behind a durable is, what /metrics says of it, and when that means that it is stuck."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from nats.js import JetStreamContext
from prometheus_client.parser import text_string_to_metric_families

from oo.bus import streams
from oo.bus.consumer import Consumer
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject
from oo.bus.handling import events_only
from oo.bus.lag import Lag
from oo.bus.publisher import publish
from oo.bus.worker import run_consumers
from oo.errors import SinkUnavailable
from oo.events.envelope import Envelope
from tests.envelopes import envelope
from tests.integration.consuming import PATIENCE, SIGNALS, HandClock, all_left, until
from tests.integration.health import answer, free_port

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_messages_that_wait_while_none_is_delivered_are_a_stall(
    jetstream: JetStreamContext, clock: HandClock
) -> None:
    lag = Lag(jetstream, SIGNALS, lambda: True, clock)
    await publish(jetstream, envelope())
    await lag.refresh()
    clock.seconds = 119
    await lag.refresh()
    assert not lag.stalled
    clock.seconds = 120
    await lag.refresh()
    assert lag.stalled
    consumer = Consumer(jetstream, SIGNALS, nobody, clock=clock)
    assert consumer.alive
    consumer._lag = lag  # noqa: SLF001  # what it would have seen
    assert not consumer.alive


@pytest.mark.parametrize("why", ["nothing waits", "one was delivered", "paused", "busy", "all under way", "no answer"])
async def test_a_wait_that_something_explains_is_no_stall(
    jetstream: JetStreamContext, clock: HandClock, why: str
) -> None:
    lag = Lag(jetstream, SIGNALS, lambda: why != "busy", clock)
    config = (await jetstream.consumer_info("SIGNALS", SIGNALS.name)).config
    if why != "nothing waits":
        await publish(jetstream, envelope(event_id="one"))
        await publish(jetstream, envelope(event_id="two"))
    puller = await jetstream.pull_subscribe_bind(SIGNALS.name, "SIGNALS")
    if why == "paused":
        later = datetime.now(UTC) + timedelta(hours=1)
        await jetstream.pause_consumer("SIGNALS", SIGNALS.name, later.isoformat())
    elif why == "all under way":
        await jetstream.add_consumer("SIGNALS", config.evolve(max_ack_pending=1))
        await puller.fetch(1)
    await lag.refresh()
    clock.seconds = 100
    if why == "one was delivered":
        (message,) = await puller.fetch(1)
        await message.ack_sync()
        await lag.refresh()
    elif why == "no answer":
        await jetstream.delete_consumer("SIGNALS", SIGNALS.name)
    clock.seconds = 130
    await lag.refresh()
    assert not lag.stalled


async def nobody(_: Sequence[Delivery]) -> list[Door]:
    return []


async def test_a_consumers_metrics_tell_how_it_does(
    jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oo.bus.lag.REFRESH_SECONDS", 0.05)
    port, stop, go = free_port(), asyncio.Event(), asyncio.Event()
    tries: list[int] = []

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        tries.append(len(events))
        if len(tries) == 1:
            raise SinkUnavailable("down for the first try")
        if len(tries) == 2:
            raise ArithmeticError("a failure that the second delivery does not meet")
        await go.wait()
        return [Acknowledge() for _ in events]

    now = envelope().occurred_at + timedelta(hours=2)
    consumers = [Consumer(jetstream, SIGNALS, events_only(apply, lambda: now))]
    running = asyncio.create_task(run_consumers(consumers, host="127.0.0.1", health_port=port, stop=stop))
    before = await figures(port)
    for number in range(3):
        await publish(jetstream, envelope(event_id=f"e{number}"))
    await until(lambda: len(tries) > 2)
    await lag_becomes(port, 3)  # an event that is in hand lags too
    await jetstream.publish("signals.session_started", b"no event")
    go.set()
    await all_left(jetstream)
    await lag_becomes(port, 0)  # although no message comes any more
    after = await figures(port)
    stop.set()
    await asyncio.wait_for(running, PATIENCE)

    def grew(name: str, **labels: str) -> float:
        key = name, tuple(sorted(labels.items()))
        return after.get(key, 0.0) - before.get(key, 0.0)

    durable = SIGNALS.name
    assert grew("oo_redeliveries_total", durable=durable) >= 1
    assert grew("oo_dead_letters_total", consumer="signals", reason="invalid_event") == 1
    assert grew("oo_deliveries_total", consumer="signals", door="Acknowledge") == 3
    assert grew("oo_sink_outages_total", durable=durable) == 1
    assert grew("oo_handler_failures_total", consumer="signals") == 1
    batches = grew("oo_batch_size_count", durable=durable)
    assert batches >= 2
    assert grew("oo_batch_size_sum", durable=durable) == 4 + grew("oo_redeliveries_total", durable=durable)
    assert grew("oo_sink_seconds_count", durable=durable) >= len(tries)
    assert grew("oo_event_age_seconds_count", durable=durable) == 3
    assert grew("oo_event_age_seconds_sum", durable=durable) == pytest.approx(3 * 7_200)
    assert grew("oo_event_age_seconds_bucket", durable=durable, le="3600.0") == 0
    assert grew("oo_event_age_seconds_bucket", durable=durable, le="21600.0") == 3


async def figures(port: int) -> Figures:
    text = (await answer(port, "/metrics", 200)).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("oo_")
    }


async def lag_becomes(port: int, messages: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await figures(port)).get(("oo_consumer_lag", (("durable", SIGNALS.name),))) != messages:  # noqa: ASYNC110  # as asked over HTTP
            await asyncio.sleep(0.02)


async def test_a_rejection_names_its_reason_in_the_metrics(jetstream: JetStreamContext) -> None:
    port, stop = free_port(), asyncio.Event()

    async def reject(deliveries: Sequence[Delivery]) -> list[Door]:
        return [Reject("unknown_tenant", "nobody knows it") for _ in deliveries]

    running = asyncio.create_task(
        run_consumers([Consumer(jetstream, SIGNALS, reject)], host="127.0.0.1", health_port=port, stop=stop)
    )
    key = "oo_dead_letters_total", (("consumer", "signals"), ("reason", "unknown_tenant"))
    before = (await figures(port)).get(key, 0.0)
    await publish(jetstream, envelope())
    await all_left(jetstream)
    assert (await figures(port))[key] == before + 1
    stop.set()
    await asyncio.wait_for(running, PATIENCE)
