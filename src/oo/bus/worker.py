"""A consumer process: several consumers and their health server in one loop, until it is told to stop."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from oo.bus.consumer import Consumer
from oo.bus.health import health_app


class _HealthServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process: it drains first, and only then closes this server."""
        yield


async def run_consumers(consumers: Sequence[Consumer], *, host: str, health_port: int, stop: asyncio.Event) -> None:
    """Consume and answer /livez, /readyz and /metrics until `stop` is set, then finish the batches in flight.

    A consumer that fails stops the others in good order: half a process would look like a whole one.

    Args:
        consumers: what runs side by side.
        host: the address of the health server.
        health_port: its port.
        stop: ends it, see `stop_on_signals`.

    Raises:
        OSError: the health server's port is taken.
        BusUnreachable: see `Consumer.run`.
    """

    async def whole(part: Awaitable[None]) -> None:
        try:
            await part
        finally:
            stop.set()

    with socket.create_server((host, health_port)) as listener:
        server = _HealthServer(uvicorn.Config(health_app(consumers), log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(whole(server.serve(sockets=[listener])))
        ended = await asyncio.gather(*(whole(consumer.run(stop)) for consumer in consumers), return_exceptions=True)
        server.should_exit = True
        await serving
    for failure in ended:
        if failure is not None:
            raise failure


def stop_on_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
