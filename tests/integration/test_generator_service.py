"""The generator as it is deployed: BentoML in a process of its own, a real bus, the offline model."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from nats.js import JetStreamContext

from oo.decisions.identity import event_id
from oo.events.codec import decode
from oo.events.decision import ServingRole
from oo.features.profile_schema import FEATURE_OF
from tests.integration.generator_process import GeneratorProcess, generators
from tests.integration.nats_server import NatsServer
from tests.integration.waiting import until

# A busy machine is no outage.
PATIENT = {"OO_ONLINE_STORE_TIMEOUT": "5", "OO_DECISION_LOG_TIMEOUT": "5"}
REQUEST: dict[str, Any] = {
    "request_id": "0198f000-0000-7000-8000-000000000001",
    "tenant_id": "example",
    "user_id": "ada",
    "profile_features": {"goal": "rest", "tip_volume": 3},
    "prompt_version": "v2",
}


TOKEN, NEXT = "planted-" + "x" * 32, "planted-" + "y" * 32
CALLERS = "recommender: {{tokens: [{}], tenants: [example]}}"


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers.yaml"
    path.write_text(CALLERS.format(TOKEN))
    return path


@pytest.fixture
def generator(nats_server: NatsServer, callers: Path, tmp_path: Path) -> Iterator[GeneratorProcess]:
    """A generator that is ready to answer its caller."""
    with generators(tmp_path, {"OO_NATS_URL": nats_server.url, "OO_CALLERS": str(callers), **PATIENT}) as (process,):
        yield process


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_what_a_person_is_told_is_on_the_bus_first_and_a_retry_adds_nothing_and_only_a_caller_is_told(
    generator: GeneratorProcess, jetstream: JetStreamContext, callers: Path
) -> None:
    async with httpx.AsyncClient(base_url=generator.url, timeout=30) as stranger:
        for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
            assert (await stranger.get(path)).status_code == 200, path
        refused = await stranger.post("/generate", json=REQUEST)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert (await jetstream.stream_info("DECISIONS")).state.messages == 0

    async with httpx.AsyncClient(base_url=generator.url, timeout=30, headers=bearer(TOKEN)) as client:
        assert (await client.post("/generate", json=REQUEST | {"tenant_id": "other"})).status_code == 403
        first = await client.post("/generate", json=REQUEST)
        again = await client.post("/generate", json=REQUEST)
        await asyncio.to_thread(callers.write_text, CALLERS.format(NEXT))

        async def is_replaced() -> bool:
            return (await client.post("/generate", json=REQUEST)).status_code == 401

        await until(is_replaced)
        replaced = await client.post("/generate", json=REQUEST, headers=bearer(NEXT))

    assert first.status_code == 200
    assert again.json() == first.json() == replaced.json()
    assert "planted" not in await asyncio.to_thread(generator.log.read_text)
    assert (await jetstream.stream_info("DECISIONS")).state.messages == 1
    recorded = decode((await jetstream.get_last_msg("DECISIONS", "decisions.generate")).data or b"")
    decided, answer = recorded.generate_decided, first.json()
    assert decided is not None
    assert recorded.event_id == event_id(UUID(decided.decision_id), "example", ServingRole.STABLE)
    assert (recorded.tenant_id, recorded.user_id) == ("example", "ada")
    assert (decided.decision_id, decided.tip_id) == (REQUEST["request_id"], answer["tip"]["tip_id"])
    assert (decided.title, decided.body) == (answer["tip"]["title"], answer["tip"]["body"])
    assert (decided.prompt_version, decided.model and decided.model.name) == ("v2", "offline")
    assert decided.profile_features == dict.fromkeys(FEATURE_OF) | REQUEST["profile_features"]
    assert decided.degraded == ()
