"""When the cyclic garbage collector of a process that answers for long does its work."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.05


@contextmanager
def collecting_between_steps(*, young: int = 50_000, older: int = 10) -> Iterator[None]:
    """Let the collector run between two steps of the running event loop, and never in the middle of one.

    By itself it runs wherever an object is made, also in the middle of `ContextVar.set`. Up to Python 3.11 a finalizer
    that sets such a variable then ends the process with a segmentation fault (CPython issue 148891), and LiteLLM has
    one. It is also kept out of most requests and batches: what start-up made lives as long as the process and is
    walked no more, and a request or a batch makes hardly a cycle.

    Args:
        young: after so many new objects they are walked; Python's own figure is 700.
        older: after so many collections of a generation the next older one is collected with it; 10 is Python's own
            figure. Fewer cost more in all and stop the loop for less at a time.
    """
    loop = asyncio.get_running_loop()
    was_enabled = gc.isenabled()
    limits = (young, older, older)
    gc.collect()
    gc.freeze()
    gc.disable()

    next_look: asyncio.TimerHandle

    def look() -> None:
        nonlocal next_look
        due = [generation for generation, made in enumerate(gc.get_count()) if made > limits[generation]]
        if due:
            gc.collect(due[-1])
        next_look = loop.call_later(LOOK_SECONDS, look)

    next_look = loop.call_later(LOOK_SECONDS, look)
    try:
        yield
    finally:
        next_look.cancel()
        gc.unfreeze()
        if was_enabled:
            gc.enable()
