"""KEDA runs more consumers while events wait, and each event has its effect once."""

import asyncio
from collections.abc import Sequence

from nats.js import JetStreamContext
from nats.js.api import Header

from oo.bus.keys import key_part
from tests.cluster.asking import on_the_bus, until
from tests.cluster.commands import kubectl, needs, objects
from tests.cluster.installation import pods, rolled_out, upgrade_consumers
from tests.soak import expected
from tests.soak.differences import differences, doubled
from tests.soak.judgement import documents, letters, stored
from tests.soak.message import Message, stream_of
from tests.soak.people import TENANTS
from tests.soak.population import population
from tests.soak.publishing import Publisher, message_id

EVENTS = 20_000
SEED = 8
DEPLOYMENT = "consumers-signals"
# As it is, one consumer would be done before KEDA has looked.
SLOW = {"resources": {"limits": {"cpu": "100m"}}, "settings": {"OO_BATCH_SIZE": 5}}
SCALED = {"autoscaling": {"enabled": True, "maxReplicas": 4, "lag": 5_000, "scaleDownSeconds": 15}}


async def test_a_backlog_brings_consumers_and_takes_them_back_and_no_event_counts_twice() -> None:
    needs("scaledobjects.keda.sh", "KEDA")
    messages = [each for each in population(SEED, round(EVENTS * 1.5)) if stream_of(each.subject) == "SIGNALS"][:EVENTS]
    assert len(messages) == EVENTS
    try:
        await asyncio.to_thread(upgrade_consumers, {"signals": SLOW | SCALED})
        await asyncio.to_thread(kubectl, "wait", f"scaledobject/{DEPLOYMENT}", "--for=condition=Ready", "--timeout=60s")
        assert _replicas() == (1, 1)
        async with on_the_bus("operator") as bus:
            await _published(bus, messages)
            print(f"{await _left(bus)} messages wait for one consumer")
            await until(lambda: _ready(3), seconds=180)
            print(f"{await _left(bus)} wait when three are ready")
            # What one of them holds goes to the others.
            victim, *_ = pods("signals")
            await asyncio.to_thread(kubectl, "delete", "pod", victim, "--grace-period=0", "--force")
            await until(lambda: _drained(bus), seconds=300)
            await until(lambda: _ready(1, at_most=1), seconds=180)
            assert await _wrong(bus, messages) == []
            again = await _redeliveries(bus)
            print(f"{again} deliveries were not a message's first")
    finally:
        await asyncio.to_thread(upgrade_consumers, {})
    await asyncio.to_thread(rolled_out, f"deployment/{DEPLOYMENT}")


async def _published(bus: JetStreamContext, messages: Sequence[Message]) -> None:
    publisher = Publisher(bus, messages)
    await publisher.allow(len(messages))
    await publisher.run()


def _replicas() -> tuple[int, int]:
    """How many are wanted, and how many are ready."""
    (deployment,) = objects(f"deployment/{DEPLOYMENT}")
    return deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0)


async def _ready(at_least: int, at_most: int = EVENTS) -> bool:
    wanted, ready = await asyncio.to_thread(_replicas)
    return at_least <= ready and wanted <= at_most


async def _left(bus: JetStreamContext) -> int:
    info = await bus.consumer_info("SIGNALS", "signals-signals")
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def _drained(bus: JetStreamContext) -> bool:
    return await _left(bus) == 0


async def _redeliveries(bus: JetStreamContext) -> int:
    info = await bus.consumer_info("SIGNALS", "signals-signals")
    assert info.delivered is not None
    return int(info.delivered.consumer_seq - info.delivered.stream_seq)


async def _wrong(bus: JetStreamContext, messages: Sequence[Message]) -> list[str]:
    """What differs from one pass over the same events in order, each once."""
    number_of = {message_id(number): number for number in range(len(messages))}
    held = [each for each in await stored(bus, "SIGNALS") if each.headers.get(Header.MSG_ID.value) in number_of]
    assert len(held) == len(messages)
    known = [(messages[number_of[each.headers[Header.MSG_ID.value]]], each) for each in held]
    mine = tuple(f"{key_part(tenant)}." for tenant in TENANTS)
    found = {key: document for key, document in (await documents(bus)).items() if key.startswith(mine)}
    rejected = {each for each in expected.letters(known) if each[0] == "signals"}
    buried = [each.identity for each in await letters(bus) if each.consumer == "signals"]
    return [
        *differences("the online store", expected.documents(known), found),
        *differences("the dead letters", dict.fromkeys(rejected), dict.fromkeys(buried)),
        *doubled("the dead letters", buried),
    ]
