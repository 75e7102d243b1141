from dataclasses import dataclass

import httpx
import pytest

from oo.bus.health import health_app
from oo.events.subjects import DURABLES, Durable
from oo.telemetry import DELIVERIES


@dataclass
class Fixed:
    """A consumer in a given state of health."""

    durable: Durable
    alive: bool = True
    ready: bool = True


@pytest.mark.parametrize(
    ("second", "livez", "readyz"),
    [
        (Fixed(DURABLES[1]), 200, 200),
        (Fixed(DURABLES[1], ready=False), 200, 503),
        (Fixed(DURABLES[1], alive=False, ready=False), 503, 503),
    ],
)
async def test_one_ailing_consumer_makes_the_process_ailing(second: Fixed, livez: int, readyz: int) -> None:
    app = health_app([Fixed(DURABLES[0]), second])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://worker") as client:
        assert (await client.get("/livez")).status_code == livez
        response = await client.get("/readyz")
    assert response.status_code == readyz
    assert response.json() == {"failing": [] if readyz == 200 else [DURABLES[1].name]}


async def test_metrics_are_in_the_format_of_prometheus() -> None:
    DELIVERIES.labels("nobody", "acknowledge").inc()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(health_app([])), base_url="http://worker") as client:
        response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert 'oo_deliveries_total{consumer="nobody",door="acknowledge"} 1.0' in response.text
