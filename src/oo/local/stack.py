"""`up`, `down`, `status` and `logs` of the local stack."""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil

from oo.errors import StackFailed
from oo.local import leftovers, preflight, sequence
from oo.local.health import READY, Condition, condition
from oo.local.processes import Process, processes
from oo.local.sequence import Progress
from oo.local.settings import StackSettings
from oo.local.supervisor import Supervisor

Table = Callable[[StackSettings], Sequence[Process]]

_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """How a process of the stack is."""

    name: str
    condition: Condition
    pid: int | None
    url: str | None


def up(settings: StackSettings, progress: Progress, table: Table = processes) -> None:
    """Start what does not run of the stack, and return when every process of it is healthy.

    Raises:
        StackFailed: a process ended or was not healthy in time, a port is taken or the disk is full; says which, with
            the end of its log and the remedy. Nothing of the stack runs any more then.
    """
    with _alone(settings, progress):
        try:
            _up(settings, progress, table(settings))
        except BaseException:
            _down(settings, table(settings))
            raise


def down(settings: StackSettings, progress: Progress, table: Table = processes) -> None:
    """Stop every process of the stack, also of one whose supervisor was killed. Its data stays.

    Raises:
        StackFailed: a process resists; names it.
    """
    with _alone(settings, progress):
        progress("stack", "stopped" if _down(settings, table(settings)) else "was not running")


def status(settings: StackSettings, table: Table = processes) -> tuple[ProcessStatus, ...]:
    """How each process is at this moment, in the order of the table."""
    supervisor = Supervisor(settings.state_dir)
    states = supervisor.states() if supervisor.pid() else {}
    rows = ((process, states.get(process.name)) for process in table(settings))
    return tuple(ProcessStatus(p.name, condition(p, s), s.pid if s else None, p.url) for p, s in rows)


def logs(settings: StackSettings, name: str | None = None, table: Table = processes) -> dict[str, str]:
    """The last lines that each process, or the named one, has printed, by its name.

    Raises:
        StackFailed: the stack has no process of this name.
    """
    names = [process.name for process in table(settings)]
    if name is not None and name not in names:
        raise StackFailed(f"the stack has no process {name!r}; it has {', '.join(names)}")
    supervisor = Supervisor(settings.state_dir)
    return {each: supervisor.last_lines(each) for each in names if name in (None, each)}


def _up(settings: StackSettings, progress: Progress, table: Sequence[Process]) -> None:
    supervisor = Supervisor(settings.state_dir)
    configuration = supervisor.configuration(table)
    if obstacle := _obstacle(settings, supervisor, configuration):
        progress("stack", obstacle)
        _down(settings, table)
    conditions = {row.name: row.condition for row in status(settings, lambda _: table)}
    missing = [process for process in table if conditions[process.name] not in READY]
    if not missing:
        progress("stack", "is up and healthy already")
        return
    pid = supervisor.pid()
    if pid is not None:
        for process in missing:
            progress(process.name, f"is {conditions[process.name]}; starting it again")
        sequence.stop(missing, supervisor)
        leftovers.end(leftovers.find_orphans(settings.state_dir, pid), grace=_GRACE)
    preflight.check_disk(settings.state_dir, settings.min_free_mb)
    preflight.check_ports(missing)
    if pid is None:
        supervisor.start(configuration)
    ready = conditions.keys() - {process.name for process in missing}
    sequence.start(table, ready, supervisor, timeout=settings.start_timeout, progress=progress)


def _obstacle(settings: StackSettings, supervisor: Supervisor, configuration: str) -> str | None:
    """Why what runs of the stack has to be stopped first, or None."""
    if supervisor.pid() is None:
        is_left = leftovers.find(settings.state_dir)
        return "its supervisor was killed; ending the processes that it left" if is_left else None
    return None if supervisor.runs_with(configuration) else "runs with other settings; starting it anew"


def _down(settings: StackSettings, table: Sequence[Process]) -> bool:
    """Whether there was anything to stop."""
    found = leftovers.find(settings.state_dir)
    supervisor = Supervisor(settings.state_dir)
    with suppress(StackFailed):  # without a supervisor that answers there is no order to keep
        sequence.stop(table, supervisor)
        supervisor.shutdown()
        psutil.wait_procs(found, timeout=_GRACE)
    resisting = leftovers.end(found | leftovers.find(settings.state_dir), grace=_GRACE)
    if resisting:
        raise StackFailed(f"still running: {', '.join(map(leftovers.describe, resisting))}; end them by hand")
    return bool(found)


@contextmanager
def _alone(settings: StackSettings, progress: Progress) -> Iterator[None]:
    """Hold the stack's lock: two that change it at once would undo each other's work."""
    try:
        (settings.state_dir / "logs").mkdir(parents=True, exist_ok=True)
        lock = (settings.state_dir / "lock").open("w")
    except OSError as error:
        raise StackFailed(f"{settings.state_dir}: {error.strerror}; set OO_STATE_DIR to a writable folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("stack", "another up or down is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
