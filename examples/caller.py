"""What a caller of oO does: asks the two services over HTTP, and tells the bus what people saw and did."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from nats.js import JetStreamContext

from oo.bus.connection import connect
from oo.bus.publisher import publish
from oo.events.envelope import SCHEMA_VERSION, Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.events.subjects import DURABLES, ConsumerName
from oo.local.settings import StackSettings

PRODUCER = "oo-examples"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Caller:
    """One tenant's side of the conversation."""

    tenant: str
    scorer: httpx.AsyncClient
    generator: httpx.AsyncClient
    jetstream: JetStreamContext
    now: Callable[[], datetime]
    new_id: Callable[[], object]

    async def score(
        self,
        user: str,
        candidates: Sequence[dict[str, Any]],
        *,
        context: dict[str, Any],
        profile: dict[str, Any] | None = None,
        request_id: str | None = None,
    ) -> dict[str, Any]:
        """The answer of /score."""
        return await self._ask(
            self.scorer,
            "/score",
            {
                "request_id": request_id,
                "user_id": user,
                "candidates": list(candidates),
                "profile_features": profile,
                "context": context,
            },
        )

    async def generate(self, user: str, **wishes: Any) -> dict[str, Any]:  # noqa: ANN401  # the body's own fields
        """The answer of /generate."""
        return await self._ask(self.generator, "/generate", {"user_id": user, **wishes})

    async def _ask(self, service: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await service.post(path, json={"tenant_id": self.tenant, **body})
        answer.raise_for_status()
        decoded: dict[str, Any] = answer.json()
        return decoded

    async def tell(self, user: str, **event: object) -> None:
        """Publish one event about a person, such as `tip_exposed=TipExposed(…)`, as having happened now."""
        envelope = Envelope.model_validate(
            {
                "event_id": str(self.new_id()),
                "schema_version": SCHEMA_VERSION,
                "producer": PRODUCER,
                "occurred_at": self.now(),
                "tenant_id": self.tenant,
                "user_id": user,
                **event,
            }
        )
        await publish(self.jetstream, envelope)

    async def show(self, user: str, decision: str, tip: str, reaction: ReactionKind | None = None) -> None:
        """Tell that a tip was on the screen, and what the person did with it."""
        await self.tell(user, tip_exposed=TipExposed(decision_id=decision, tip_id=tip))
        if reaction is not None:
            await self.tell(user, tip_reacted=TipReacted(decision_id=decision, tip_id=tip, kind=reaction))


@asynccontextmanager
async def calling(
    stack: StackSettings, *, now: Callable[[], datetime], new_id: Callable[[], object]
) -> AsyncIterator[Callable[[str], Caller]]:
    """Connections to a running stack; gives a caller for each tenant."""
    address = "http://127.0.0.1:{}".format
    bus = await connect(f"nats://127.0.0.1:{stack.nats_port}", PRODUCER)
    try:
        async with (
            httpx.AsyncClient(base_url=address(stack.scorer_port), timeout=10) as scorer,
            httpx.AsyncClient(base_url=address(stack.generator_port), timeout=30) as generator,
        ):
            yield lambda tenant: Caller(tenant, scorer, generator, bus.jetstream(), now, new_id)
    finally:
        await bus.drain()


async def each(items: Iterable[T], act: Callable[[T], Awaitable[R]], at_once: int) -> list[R]:
    """What `act` gives for each item, in their order, `at_once` of them under way at a time."""
    numbered = enumerate(items)  # one iterator that all workers draw from, so that items are made only when needed
    results: dict[int, R] = {}

    async def worker() -> None:
        for number, item in numbered:
            results[number] = await act(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    return [results[number] for number in sorted(results)]


async def is_drained(jetstream: JetStreamContext, consumer: ConsumerName) -> bool:
    """Whether a consumer has seen all that was published, and has acknowledged it."""
    infos = [await jetstream.consumer_info(d.stream, d.name) for d in DURABLES if d.consumer == consumer]
    return not any(info.num_pending or info.num_ack_pending for info in infos)
