"""The generator as it is deployed: BentoML in a process of its own, a real bus, the offline model."""

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
from tests.integration.generator_process import generators
from tests.integration.nats_server import NatsServer

# A busy machine is no outage.
PATIENT = {"OO_ONLINE_STORE_TIMEOUT": "5", "OO_DECISION_LOG_TIMEOUT": "5"}
REQUEST: dict[str, Any] = {
    "request_id": "0198f000-0000-7000-8000-000000000001",
    "tenant_id": "example",
    "user_id": "ada",
    "profile_features": {"goal": "rest", "tip_volume": 3},
    "prompt_version": "v2",
}


@pytest.fixture
def generator_url(nats_server: NatsServer, tmp_path: Path) -> Iterator[str]:
    """The address of a generator that is ready to answer."""
    with generators(tmp_path, {"OO_NATS_URL": nats_server.url, **PATIENT}) as (generator,):
        yield generator.url


async def test_what_a_person_is_told_is_on_the_bus_first_and_a_retry_adds_nothing(
    generator_url: str, jetstream: JetStreamContext
) -> None:
    async with httpx.AsyncClient(base_url=generator_url, timeout=30) as client:
        first = await client.post("/generate", json=REQUEST)
        again = await client.post("/generate", json=REQUEST)

    assert first.status_code == 200
    assert again.json() == first.json()
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
