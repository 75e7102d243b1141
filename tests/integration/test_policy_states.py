import asyncio
import time

from nats.js import JetStreamContext

from oo.bus.streams import POLICY_STATE_BUCKET, ensure
from oo.decisions.policy_states import PolicyStates, PolicyStateWriter, state_key
from oo.experiments.thompson import Thompson

KEY = ("shop", "thompson", "1")


async def test_what_is_written_reaches_a_watching_scorer_and_is_not_written_twice(jetstream: JetStreamContext) -> None:
    await ensure(jetstream)
    bucket = await jetstream.key_value(POLICY_STATE_BUCKET)
    states = PolicyStates()
    following = asyncio.create_task(states.follow(bucket))
    policy = Thompson(version="1")
    writer = PolicyStateWriter(bucket)

    await writer.write({KEY: {"walk": (5, 2.0), "rest": (1, 0.0)}})
    deadline = time.monotonic() + 10
    while not states.of("shop", policy, ["walk"]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert states.of("shop", policy, ["walk", "never"]) == {"walk": (5, 2.0)}
    assert states.of("another", policy, ["walk"]) == {}

    revision = (await bucket.get(state_key(*KEY))).revision
    await writer.write({KEY: {"walk": (5, 2.0), "rest": (1, 0.0)}})
    assert (await bucket.get(state_key(*KEY))).revision == revision
    await bucket.put(state_key(*KEY), b"nonsense")
    await writer.write({KEY: {"walk": (6, 3.0)}})
    while states.of("shop", policy, ["walk"]) != {"walk": (6, 3.0)}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    following.cancel()
