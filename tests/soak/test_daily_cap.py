"""Two generators spend one tenant's day: what the endpoint has counted is the cap, whatever is killed on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from oo.llm.prices import Price
from tests.integration.generator_process import GeneratorProcess, generators
from tests.integration.nats_server import NatsServer
from tests.soak.model_endpoint import ModelEndpoint

PRICE = Price(prompt=10, completion=10)
CAP_USD = 2.5
LEAST, MOST = 0.98, 1.01
"""Of the cap, what is to be spent at the end."""
AT_ONCE = 2
"""Requests under way at each generator."""

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def printed(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return printed


async def test_two_generators_of_which_one_is_killed_spend_the_cap_and_no_more(
    nats_server: NatsServer, tmp_path: Path, say: Say
) -> None:
    endpoint = ModelEndpoint()
    endpoint.start()
    environment = {
        "OO_NATS_URL": nats_server.url,
        "OO_LLM_MODEL": "openai/tiny",
        "OO_LLM_API_BASE": endpoint.url,
        "OO_LLM_PRICES": json.dumps({"openai/tiny": PRICE.model_dump()}),
        "OO_LLM_DAILY_USD": str(CAP_USD),
        # A call that is cut off is charged with all that it might have cost.
        "OO_LLM_TIMEOUT": "60",
        "OO_TIP_CACHE_SECONDS": "0",
    }
    try:
        with generators(tmp_path, environment, environment) as (killed, other):
            async with _under_load(killed) as first, _under_load(other) as second:
                await _until_billed(endpoint, 0.3)
                await asyncio.to_thread(killed.kill)
                await _until_billed(endpoint, 0.4)
                await asyncio.to_thread(killed.start)
                await _until_billed(endpoint, 0.6)
                await asyncio.to_thread(nats_server.restart)
                await asyncio.to_thread(killed.wait)
                await _until_spent(first, second)
            billed = _billed(endpoint)
            say(
                f"\n  cap {CAP_USD:g} US dollars; the endpoint counted {billed:.4f}, {100 * billed / CAP_USD:.2f} %,"
                f" in {len(first) + len(second)} answers; one generator killed and started again, NATS restarted"
            )
            assert LEAST * CAP_USD <= billed <= MOST * CAP_USD

            await asyncio.to_thread(killed.kill)
            await asyncio.to_thread(nats_server.restart)
            await asyncio.to_thread(killed.start().wait)
            async with _under_load(killed) as later, _under_load(other) as too:
                await _until_spent(later, too)
            assert _billed(endpoint) <= MOST * CAP_USD, "the cap was forgotten"
    finally:
        endpoint.kill()


@asynccontextmanager
async def _under_load(generator: GeneratorProcess) -> AsyncIterator[list[str]]:
    """Requests for as long as this lasts; why each answer was degraded, and `` for each full one."""
    told: list[str] = []
    numbers = count()

    async def ask_on(client: httpx.AsyncClient) -> None:
        while True:
            body: dict[str, Any] = {"tenant_id": "example", "user_id": f"user-{next(numbers)}"}
            try:
                response = await client.post("/generate", json=body)
            except httpx.TransportError:  # it was killed
                await asyncio.sleep(0.1)
                continue
            told.append(",".join(response.raise_for_status().json()["degraded"]))

    async with httpx.AsyncClient(base_url=generator.url, timeout=90) as client:
        asking = [asyncio.create_task(ask_on(client)) for _ in range(AT_ONCE)]
        try:
            yield told
        finally:
            for each in asking:
                each.cancel()
            outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes


async def _until_billed(endpoint: ModelEndpoint, share: float) -> None:
    async with asyncio.timeout(120):
        while _billed(endpoint) < share * CAP_USD:  # noqa: ASYNC110  # it is asked, there is no event
            await asyncio.sleep(0.05)


async def _until_spent(*loads: list[str]) -> None:
    """Return once each generator has refused several calls in a row."""
    async with asyncio.timeout(120):
        while not all(  # noqa: ASYNC110  # the same
            len(told) > 3 * AT_ONCE and all("daily_budget" in each for each in told[-3 * AT_ONCE :]) for told in loads
        ):
            await asyncio.sleep(0.05)


def _billed(endpoint: ModelEndpoint) -> float:
    return PRICE.of(*endpoint.tokens())
