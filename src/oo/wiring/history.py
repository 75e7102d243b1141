from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from oo.bus.connection import connect
from oo.registry.history import History
from oo.registry.nats_history import NatsHistory
from oo.settings import PipelineSettings


@asynccontextmanager
async def history(settings: PipelineSettings, process: str = "oo-history") -> AsyncIterator[History]:
    """The history of models, policies and prompts of a running stack.

    Raises:
        BusUnreachable: no NATS server answered.
    """
    connection = await connect(settings.nats_url, process)
    try:
        yield NatsHistory(connection.jetstream())
    finally:
        await connection.close()
