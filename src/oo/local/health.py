"""How a process of the stack is, from what its supervisor knows and what its own health endpoint answers."""

from http.client import HTTPException
from typing import Literal
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from oo.local.processes import Process
from oo.local.supervisor import ProcessState

Condition = Literal["stopped", "running", "unhealthy", "healthy", "done", "dead"]
"""`running` and `done` are a task's: one that runs, and one that has ended without a fault."""

READY: frozenset[Condition] = frozenset({"healthy", "done"})

# A proxy that the environment names does not know this machine.
_direct = build_opener(ProxyHandler({}))


def condition(process: Process, state: ProcessState | None) -> Condition:
    """How the process is now; `state` is None when no supervisor knows it. Takes a second at most."""
    if state is None:
        return "stopped"
    if state.running:
        if process.health is None:
            return "running"
        return "healthy" if _answers(process.health) else "unhealthy"
    if is_dead(process, state):
        return "dead"
    return "stopped" if state.exit_status is None else "done"


def is_dead(process: Process, state: ProcessState) -> bool:
    """Whether the process ended without being asked to, or could not be started; a task may end, without a fault."""
    may_end = process.health is None and state.exit_status == 0
    return not state.running and not may_end and (state.exit_status is not None or state.problem is not None)


def _answers(url: str) -> bool:
    try:
        with _direct.open(url, timeout=1) as response:
            return bool(response.status == 200)  # noqa: PLR2004  # HTTP's own number for "OK"
    except HTTPError as refusal:
        refusal.close()
    except (OSError, HTTPException):
        pass
    return False
