"""KServe runs the pods, and the same route leads to them."""

import asyncio
import math
from collections import Counter
from typing import Any

import httpx
import yaml
from nats.js import JetStreamContext

from oo.local.settings import PROJECT_DIR
from tests.cluster.asking import ask, asking, decided, on_the_bus, question, until
from tests.cluster.commands import PATIENCE, apply, kubectl, needs, objects
from tests.cluster.installation import digest, image, upgrade

KIND = "inferenceservices.serving.kserve.io"
TRIED = {"enabled": True, "image": {"digest": digest("oo-scorer")}}
PLAIN_HOST = "plain.example"
EXAMPLES = PROJECT_DIR / "manifests/kserve"


def ready(name: str) -> None:
    """Return when KServe says so."""
    kubectl("wait", f"inferenceservice/{name}", "--for=condition=Ready", f"--timeout={PATIENCE}")


async def test_inference_services_answer_through_the_same_route_with_mirror_and_weights() -> None:
    needs(KIND, "KServe")
    try:
        async with asking() as client, on_the_bus("operator") as bus:
            # Pods first, then what leads to them.
            for weight in (0, 50):
                await asyncio.to_thread(upgrade, "scorer", _by_kserve(weight))
                for role in ("stable", "shadow", "canary"):
                    await asyncio.to_thread(ready, f"oo-scorer-{role}")
            (route,) = objects("httproute/oo-scorer")
            asked = await ask(client, [question() for _ in range(500)], pace=25)
            assert asked.failed == {}
            roles = Counter((await decided(bus, asked.ids)).values())
            assert roles.total() == 500
            assert abs(roles["SERVING_ROLE_CANARY"] / 500 - 0.5) <= 3 * math.sqrt(0.25 / 500)
            await until(lambda: _covered(bus, asked.ids))
            assert {backend["name"] for backend in route["spec"]["rules"][0]["backendRefs"]} == {
                "oo-scorer-stable-predictor",
                "oo-scorer-canary-predictor",
            }
    finally:
        await asyncio.to_thread(upgrade, "scorer", {})
    assert objects(KIND) == []


async def _covered(bus: JetStreamContext, ids: list[str]) -> bool:
    return len(await decided(bus, ids, shadow=True)) >= 0.99 * len(ids)


def _by_kserve(weight: int) -> dict[str, Any]:
    return {"workload": {"kind": "inferenceservice"}, "shadow": TRIED, "canary": TRIED | {"weight": weight}}


async def test_the_plain_examples_answer() -> None:
    needs(KIND, "KServe")
    found = [yaml.safe_load(path.read_text()) for path in sorted(EXAMPLES.glob("*.yaml"))]
    services = [each for each in found if each["kind"] == "InferenceService"]
    (route,) = (each for each in found if each["kind"] == "HTTPRoute")
    names = [each["metadata"]["name"] for each in services]
    built = image("oo-scorer")
    for each in services:
        (container,) = each["spec"]["predictor"]["containers"]
        container["image"], container["imagePullPolicy"] = f"{built['repository']}@{built['digest']}", "Never"
    # Beside the installation's own route.
    route["metadata"]["name"], route["spec"]["hostnames"] = "plain", [PLAIN_HOST]
    apply(*services, route)
    try:
        for name in names:
            await asyncio.to_thread(ready, name)
        async with asking(host=PLAIN_HOST) as client, on_the_bus("operator") as bus:
            await until(lambda: _answers(client))
            asked = await ask(client, [question() for _ in range(100)])
            assert asked.failed == {}
            roles = Counter((await decided(bus, asked.ids)).values())
            assert set(roles) == {"SERVING_ROLE_STABLE", "SERVING_ROLE_CANARY"}
    finally:
        kubectl("delete", "httproute/plain", *(f"inferenceservice/{name}" for name in names), "--wait")


async def _answers(client: httpx.AsyncClient) -> bool:
    return (await client.post("/score", json=question(2))).is_success
