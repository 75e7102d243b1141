import asyncio
import time

from nats.js import JetStreamContext

from oo.bus.connection import connect
from oo.bus.streams import POLICY_STATE_BUCKET, ensure
from oo.decisions.policy_states import PolicyStates, PolicyStateWriter, state_key
from oo.experiments.thompson import Thompson
from tests.integration.nats_server import NatsServer

KEY = ("shop", "thompson", "1")
POLICY = Thompson(version="1")
# The watch notices by missed heartbeats that the server has forgotten it: 19 s were seen.
PATIENCE = 60.0


async def arrives(states: PolicyStates, exposures: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while states.of("shop", POLICY, ["walk"]) != {"walk": (exposures, 2.0)}:
        assert time.monotonic() < deadline, "the scorer was never told"
        await asyncio.sleep(0.01)


async def test_what_is_written_reaches_a_watching_scorer_and_is_not_written_twice(jetstream: JetStreamContext) -> None:
    await ensure(jetstream)
    bucket = await jetstream.key_value(POLICY_STATE_BUCKET)
    states = PolicyStates()
    following = asyncio.create_task(states.follow(bucket))
    writer = PolicyStateWriter(bucket)

    await writer.write({KEY: {"walk": (5, 2.0), "rest": (1, 0.0)}})
    await arrives(states, 5)
    assert states.of("shop", POLICY, ["walk", "never"]) == {"walk": (5, 2.0)}
    assert states.of("another", POLICY, ["walk"]) == {}

    revision = (await bucket.get(state_key(*KEY))).revision
    await writer.write({KEY: {"walk": (5, 2.0), "rest": (1, 0.0)}})
    assert (await bucket.get(state_key(*KEY))).revision == revision
    await bucket.put(state_key(*KEY), b"nonsense")
    await writer.write({KEY: {"walk": (6, 2.0)}})
    await arrives(states, 6)
    following.cancel()


async def test_a_scorer_goes_on_learning_after_the_server_was_away(
    nats_server: NatsServer, jetstream: JetStreamContext
) -> None:
    await ensure(jetstream)
    bucket = await jetstream.key_value(POLICY_STATE_BUCKET)
    states = PolicyStates()
    following = asyncio.create_task(states.follow(bucket))
    await PolicyStateWriter(bucket).write({KEY: {"walk": (5, 2.0)}})
    await arrives(states, 5)
    await asyncio.to_thread(nats_server.restart)
    another = await connect(nats_server.url, "another")
    beside = await another.jetstream().key_value(POLICY_STATE_BUCKET)
    await PolicyStateWriter(beside).write({KEY: {"walk": (6, 2.0)}})
    await arrives(states, 6)
    following.cancel()
    await another.close()
