"""The order of starting and stopping: what a process needs is ready before it starts and runs until it has stopped."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from oo.errors import StackFailed
from oo.local.health import READY, condition, is_dead
from oo.local.processes import Process
from oo.local.supervisor import Supervisor

Progress = Callable[[str, str], None]
"""Is told of whom (a process's name, or `stack`) and the news."""

_POLL = 0.2


def start(
    table: Sequence[Process], ready: Iterable[str], supervisor: Supervisor, *, timeout: float, progress: Progress
) -> None:
    """Start all processes that are not `ready`, as many at once as their needs allow; return when all are ready.

    Raises:
        StackFailed: a process ended, could not be started or was not ready within `timeout` seconds; shows the end of
            its log.
    """
    began = time.monotonic()
    started: dict[str, float] = {}
    ready = set(ready)
    while True:
        states = supervisor.states()
        for process in table:
            name, state = process.name, states[process.name]
            if (name in ready or name in started) and is_dead(process, state):
                raise _failure(process, state.problem or "it ended", supervisor)
            if name in ready:
                continue
            if name in started:
                if condition(process, state) in READY:
                    ready.add(name)
                    progress(name, f"ready after {time.monotonic() - started[name]:.1f} s")
            elif ready.issuperset(process.needs):
                supervisor.start_process(name)
                started[name] = time.monotonic()
                progress(name, "starting")
        waiting = [process for process in table if process.name not in ready]
        if not waiting:
            return
        if time.monotonic() > began + timeout:
            late = next(process for process in waiting if process.name in started)
            raise _failure(late, f"it was not ready within {timeout:g} s (OO_START_TIMEOUT)", supervisor)
        time.sleep(_POLL)


def stop(table: Iterable[Process], supervisor: Supervisor) -> None:
    """Stop the processes that run, and return when they have ended; supervisord kills one that takes ten seconds.

    Raises:
        StackFailed: supervisord does not answer.
    """
    asked: set[str] = set()
    while True:
        states = supervisor.states()
        running = [process for process in table if process.name in states and states[process.name].running]
        if not running:
            return
        needed = {need for process in running for need in process.needs}
        for name in {process.name for process in running} - needed - asked:
            with suppress(StackFailed):  # it has ended meanwhile
                supervisor.stop_process(name)
            asked.add(name)
        time.sleep(_POLL)


def _failure(process: Process, fact: str, supervisor: Supervisor) -> StackFailed:
    end = supervisor.last_lines(process.name)
    return StackFailed(f"{process.name} failed: {fact}. The end of {supervisor.log(process.name)}:\n\n{end}")
