"""Waiting for a service to serve a version: what both movers of traffic ask before they lead requests to it."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from oo.errors import TrafficRefused


def serves(metrics: str, model: str, version: str) -> bool:
    """Whether a scorer says, on its /metrics, that it serves this version of a model."""
    sample = rf'^oo_model_version{{model="{re.escape(model)}"}} {re.escape(version)}(\.0)?$'
    return re.search(sample, metrics, re.MULTILINE) is not None


async def until(holds: Callable[[], Awaitable[bool]], what: str, *, patience: float, pause: float, remedy: str) -> None:
    """Return once it holds.

    Args:
        holds: is asked again and again.
        what: as a sentence, for the refusal.
        patience: seconds.
        pause: seconds from one question to the next.
        remedy: what says why it does not.

    Raises:
        TrafficRefused: it did not within `patience`.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + patience
    while not await holds():
        if clock() > end:
            raise TrafficRefused(f"{what}: not within {patience:g} s; {remedy} why")
        await asyncio.sleep(pause)
