"""People who ask at a steady pace, and what became of their requests."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from nats.js import JetStreamContext

from oo.bus.connection import connect
from oo.bus.stream_reader import messages
from oo.events.codec import decode
from oo.wiring.process import new_id
from tests.cluster.commands import forwarded, run
from tests.cluster.installation import HOST, TOKEN, password

PACE = 50
"""Requests a second."""


def gateway() -> str:
    """Where the cluster's gateway answers."""
    if url := os.environ.get("OO_GATEWAY_URL"):
        return url
    name, namespace = os.environ.get("OO_GATEWAY", "gateway"), os.environ.get("OO_GATEWAY_NAMESPACE", "gateway")
    address = "jsonpath={.status.addresses[0].value}"
    return f"http://{run('kubectl', f'--namespace={namespace}', 'get', 'gateway', name, '--output', address)}"


@asynccontextmanager
async def asking(token: str = TOKEN, host: str = HOST) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway."""
    headers = {"host": host, "authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(base_url=gateway(), headers=headers, timeout=30, limits=limits) as client:
        yield client


def question(candidates: int = 50, user: str = "ada") -> dict[str, Any]:
    """A body of /score with so many candidates."""
    return {
        "request_id": str(new_id()),
        "tenant_id": "example",
        "user_id": user,
        "candidates": [
            {"tip_id": f"tip-{number}", "features": {"topic": "move", "minutes": number % 10}}
            for number in range(candidates)
        ],
        "context": {"hour_of_day": 21, "weekend": False},
    }


@dataclass
class Asked:
    """Requests by their status, and the ids of those that were answered."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)

    @property
    def failed(self) -> dict[int | str, int]:
        """Whatever is not a success, by status or by what went wrong."""
        return {status: count for status, count in self.statuses.items() if status != httpx.codes.OK}


async def ask(client: httpx.AsyncClient, bodies: Sequence[dict[str, Any]], pace: float = PACE) -> Asked:
    """Ask all of these, so many a second, whether or not earlier ones are answered."""
    asked = Asked()
    clock = asyncio.get_running_loop().time
    began = clock()

    async def one(body: dict[str, Any]) -> None:
        try:
            answer = await client.post("/score", json=body)
        except httpx.HTTPError as error:
            asked.statuses[type(error).__name__] += 1
            return
        asked.statuses[answer.status_code] += 1
        if answer.is_success:
            asked.ids.append(answer.json()["decision_id"])

    async with asyncio.TaskGroup() as requests:
        for number, body in enumerate(bodies):
            await asyncio.sleep(max(0.0, began + number / pace - clock()))
            requests.create_task(one(body))
    return asked


@asynccontextmanager
async def steadily(client: httpx.AsyncClient) -> AsyncIterator[Asked]:
    """People ask inside of the block; after it, what became of all of their requests is known."""
    total, over = Asked(), asyncio.Event()

    async def people() -> None:
        while not over.is_set():
            asked = await ask(client, [question() for _ in range(PACE)])
            total.statuses.update(asked.statuses)
            total.ids += asked.ids

    task = asyncio.create_task(people())
    try:
        yield total
    finally:
        over.set()
        await task


@asynccontextmanager
async def on_the_bus(role: str) -> AsyncIterator[JetStreamContext]:
    """The cluster's bus as one of its users."""
    with forwarded("service/oo-nats", 4222) as port:
        client = await connect(f"nats://127.0.0.1:{port}", "oo-cluster-tests", role, password(role))
        try:
            yield client.jetstream()
        finally:
            await client.close()


async def until(holds: Callable[[], Awaitable[object]], seconds: float = 90) -> None:
    """Return once it is so."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  # a cluster has no event to give
            await asyncio.sleep(0.5)


async def decided(js: JetStreamContext, ids: Sequence[str], *, shadow: bool = False) -> dict[str, str]:
    """The serving role that each of these decisions is recorded with."""
    wanted = set(ids)
    roles: dict[str, str] = {}
    async for message in messages(js, "DECISIONS", subject=f"decisions.{'shadow.' if shadow else ''}score"):
        record = decode(message.data).score_decided
        if record is not None and record.decision_id in wanted:
            roles[record.decision_id] = record.serving_role.value
    return roles
