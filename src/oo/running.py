"""A service's library object together with the tasks that keep it current."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Running(Generic[S]):
    """What a service answers with, and how it is doing."""

    service: S
    tasks: tuple[asyncio.Task[None], ...]
    is_ready: Callable[[], bool]

    @property
    def alive(self) -> bool:
        """Whether every task still runs."""
        return not any(task.done() for task in self.tasks)

    @property
    def ready(self) -> bool:
        """Whether requests can take the full path."""
        return self.alive and self.is_ready()


def start(tasks: Mapping[str, Coroutine[None, None, None]]) -> tuple[asyncio.Task[None], ...]:
    """Start tasks that should never end; one that does says so in the log at once."""
    started = []
    for name, coroutine in tasks.items():
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(_tell)
        started.append(task)
    return tuple(started)


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        _log.error("task ended", exc_info=task.exception(), extra={"name_of_task": task.get_name()})


async def stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End the tasks and wait until they have ended."""
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
