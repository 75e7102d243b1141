"""What a caller hears about the profile that it sent; registry, bus and store are their fakes here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from bentos.scorer.app import create_app
from oo.catalog import Catalog
from oo.decisions.champions import Champions
from oo.decisions.decision_log import MemoryDecisionLog
from oo.decisions.policy_states import PolicyStates
from oo.decisions.recording import Recorder
from oo.decisions.score import Scorer
from oo.decisions.signals import SignalReader
from oo.events.decision import ServingRole
from oo.features.memory_online_store import MemoryOnlineStore
from oo.features.profile_schema import FEATURE_OF
from oo.registry.memory_registry import MemoryRegistry
from oo.running import Running
from oo.training.prior import bootstrap
from tests.access import anyone

CATALOG = Catalog.model_validate(
    {
        "feature_services": [
            {
                "name": "tiny@1",
                "model": "tiny",
                "columns": [{"source": "profile", "name": "completion_rate", "type": "number"}],
            }
        ],
        "tenants": [{"name": "example", "feature_service": "tiny@1", "policy": {"name": "uniform", "version": "1"}}],
    }
)


@pytest.fixture
def log() -> MemoryDecisionLog:
    return MemoryDecisionLog()


@pytest.fixture
async def web(log: MemoryDecisionLog) -> AsyncIterator[httpx.AsyncClient]:
    registry = MemoryRegistry()
    bootstrap(registry, CATALOG.service("tiny@1"))
    champions = Champions(registry, CATALOG)
    champions.refresh()
    scorer = Scorer(
        catalog=CATALOG,
        signals=SignalReader(MemoryOnlineStore(), 1.0),
        champions=champions,
        policy_states=PolicyStates(),
        recorder=Recorder(log, "score"),
        role=ServingRole.STABLE,
        now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        new_id=lambda: UUID(int=7),
    )

    @asynccontextmanager
    async def connected() -> AsyncIterator[Running[Scorer]]:
        yield Running(scorer, (), lambda: True)

    app = create_app(connected, anyone, max_body_bytes=10_000)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://oo") as client:
        yield client


async def _ask(web: httpx.AsyncClient, profile: dict[str, Any]) -> httpx.Response:
    body = {"tenant_id": "example", "user_id": "ada", "candidates": [{"tip_id": "walk"}], "profile_features": profile}
    return await web.post("/score", json=body)


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"completion_rate": "0.6"}, "'completion_rate' must be float64, nullable, in 'share 0 to 1', not str"),
        ({"streak_days": 2.5}, "'streak_days' must be int64"),
        ({"tip_volume": None}, "'tip_volume' must be float64, not null"),
    ],
)
async def test_a_wrongly_typed_feature_is_refused_with_its_name(
    web: httpx.AsyncClient, log: MemoryDecisionLog, profile: dict[str, Any], told: str
) -> None:
    response = await _ask(web, profile)

    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_feature"
    assert told in error["message"]
    assert not log.recorded


async def test_an_unknown_feature_is_answered_left_out_and_counted(
    web: httpx.AsyncClient, log: MemoryDecisionLog
) -> None:
    response = await _ask(web, {"completion_rate": 0.5, "moon_phase": "full"})

    assert (response.status_code, response.json()["degraded"]) == (200, [])
    (envelope,) = log.recorded.values()
    assert envelope.score_decided is not None
    assert envelope.score_decided.profile_features == dict.fromkeys(FEATURE_OF) | {"completion_rate": 0.5}
    metrics = (await web.get("/metrics")).text
    assert 'oo_unknown_profile_features_total{name="moon_phase"} 1.0' in metrics
