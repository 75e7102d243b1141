"""Mirrors, splits and pods that come and go, while people ask."""

import asyncio
import math
from collections import Counter
from itertools import cycle, islice

from tests.cluster.asking import PACE, ask, asking, decided, on_the_bus, question, steadily
from tests.cluster.commands import PATIENCE, helm, kubectl, objects
from tests.cluster.installation import digest, pods, rolled_out, upgrade

SHADOW = {"shadow": {"enabled": True, "image": {"digest": digest("oo-scorer")}}}


def canary(weight: int) -> dict[str, object]:
    return {"canary": {"enabled": True, "weight": weight, "replicas": 1, "image": {"digest": digest("oo-scorer")}}}


async def test_a_mirror_answers_what_stable_answers_up_to_the_largest_bodies_and_touches_nothing_of_it() -> None:
    upgrade("scorer", SHADOW)
    async with asking() as client, on_the_bus("operator") as bus:
        before = (await bus.stream_info("DECISIONS", subjects_filter="decisions.>")).state.subjects or {}
        buckets = [
            (await (await bus.key_value(name)).status()).stream_info.state.last_seq for name in ("features", "traffic")
        ]
        sizes = islice(cycle((50, 100, 200, 500, 1_000)), 1_000)
        asked = await ask(client, [question(size) for size in sizes], pace=25)
        assert asked.failed == {}
        await asyncio.sleep(3)
        after = (await bus.stream_info("DECISIONS", subjects_filter="decisions.>")).state.subjects or {}
        shadowed = await decided(bus, asked.ids, shadow=True)
        coverage = len(shadowed) / len(asked.ids)
        print(f"coverage {coverage:.4f} of {len(asked.ids)} requests")
        assert coverage >= 0.99
        assert set(shadowed.values()) == {"SERVING_ROLE_SHADOW"}
        # Each request has one decision of stable, as if there were no mirror, and nothing else has one.
        assert after["decisions.score"] - before.get("decisions.score", 0) == len(asked.ids)
        assert set((await decided(bus, asked.ids)).values()) == {"SERVING_ROLE_STABLE"}
        grown = {subject for subject, count in after.items() if count != before.get(subject, 0)}
        assert grown == {"decisions.score", "decisions.shadow.score"}
        assert buckets == [
            (await (await bus.key_value(name)).status()).stream_info.state.last_seq for name in ("features", "traffic")
        ]


async def test_a_canary_gets_its_share_and_no_request_fails_while_it_changes() -> None:
    upgrade("scorer", {})
    async with asking() as client, on_the_bus("operator") as bus:
        # Its pods come before the first request does, and go after the last one.
        for weight in (0, 10, 50, 100, 0):
            async with steadily(client) as moved:
                await asyncio.to_thread(upgrade, "scorer", canary(weight))
            assert moved.failed == {}
            asked = await ask(client, [question(20) for _ in range(500)])
            assert asked.failed == {}
            roles = Counter((await decided(bus, asked.ids)).values())
            share = roles["SERVING_ROLE_CANARY"] / roles.total()
            spread = math.sqrt(weight / 100 * (1 - weight / 100) / roles.total())
            print(f"weight {weight}: {share:.3f} of {roles.total()}; {moved.statuses.total()} while it changed")
            assert roles.total() == 500
            assert abs(share - weight / 100) <= 3 * spread
        async with steadily(client) as back:
            await asyncio.to_thread(upgrade, "scorer", {})
        assert back.failed == {}


async def test_a_shadow_is_restarted_and_taken_back_by_kubectl_while_people_ask() -> None:
    upgrade("scorer", SHADOW)
    (first,) = pods("shadow")
    async with asking() as client, steadily(client) as asked:
        await asyncio.to_thread(kubectl, "rollout", "restart", "deployment/oo-scorer-shadow")
        await asyncio.to_thread(rolled_out, "deployment/oo-scorer-shadow")
        (second,) = pods("shadow")
        await asyncio.to_thread(kubectl, "rollout", "undo", "deployment/oo-scorer-shadow")
        await asyncio.to_thread(rolled_out, "deployment/oo-scorer-shadow")
        (third,) = pods("shadow")
    assert len({first, second, third}) == 3
    assert asked.failed == {}
    upgrade("scorer", {})
    assert pods("shadow") == []


async def test_a_pod_that_is_killed_fails_no_request() -> None:
    upgrade("scorer", {})
    async with asking() as client, steadily(client) as asked:
        await asyncio.sleep(1)
        victim, _ = pods("stable")[:2]
        await asyncio.to_thread(kubectl, "delete", "pod", victim, "--grace-period=0", "--force")
        await asyncio.sleep(2)
        await asyncio.to_thread(rolled_out, "deployment/oo-scorer-stable")
    print(f"{asked.statuses}")
    assert asked.failed == {}
    assert asked.statuses.total() >= 3 * PACE


async def test_a_release_goes_back_without_a_failed_request() -> None:
    upgrade("scorer", {})
    upgrade("scorer", canary(10))
    async with asking() as client, steadily(client) as asked:
        await asyncio.to_thread(helm, "rollback", "oo-scorer", "--wait", "--force-conflicts", f"--timeout={PATIENCE}")
    assert asked.failed == {}
    assert pods("canary") == []
    assert not [route for route in objects("httproutes") if "canary" in str(route["spec"])]
