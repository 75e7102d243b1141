from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oo.registry.history import History
from oo.registry.nats_history import NatsHistory
from oo.settings import PipelineSettings
from oo.wiring.process import connected


@asynccontextmanager
async def history(settings: PipelineSettings, process: str = "oo-history") -> AsyncIterator[History]:
    """The history of models, policies and prompts of a running stack.

    Raises:
        BusUnreachable: no NATS server answered.
    """
    connection = await connected(settings, process)
    try:
        yield NatsHistory(connection.jetstream())
    finally:
        await connection.close()
