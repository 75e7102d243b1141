"""What becomes true is waited for by asking, never by sleeping until it should be."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 30.0


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)
