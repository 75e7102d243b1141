"""supervisord as our stack uses it: a daemon that starts, stops and ends processes, and restarts none silently."""

import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from oo.errors import StackFailed
from oo.local.leftovers import MARK
from oo.local.processes import Process
from oo.local.settings import PROJECT_DIR
from oo.local.unix_transport import UnixTransport

# 104 bytes with the end mark on macOS, 108 on Linux, and supervisord binds to the path with its pid behind it first.
_LONGEST_SOCKET_PATH = 90
_DO_NOT_WAIT = False


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What supervisord knows of a process."""

    running: bool
    pid: int | None
    exit_status: int | None
    """None while it runs and before it first ran."""
    problem: str | None
    """Why it could not be started at all."""


class Supervisor:
    """The supervisord of the stack in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._config = state_dir / "supervisord.conf"
        socket = _socket_path(state_dir)
        self._api: Any = ServerProxy("http://localhost", transport=UnixTransport(socket, timeout=10)).supervisor
        self._head = f"""\
[unix_http_server]
file = {_literal(socket)}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile = {_literal(self.log("supervisord"))}
pidfile = {_literal(state_dir / "supervisord.pid")}
childlogdir = {_literal(state_dir)}
umask = 077
"""

    def log(self, name: str) -> Path:
        """The file with all that the process prints."""
        return self._state_dir / "logs" / f"{name}.log"

    def last_lines(self, name: str, count: int = 30) -> str:
        """The end of what the process has printed."""
        try:
            with self.log(name).open(encoding="utf-8", errors="replace") as log:
                return "".join(deque(log, maxlen=count))
        except FileNotFoundError:
            return ""

    def configuration(self, processes: Iterable[Process]) -> str:
        """The configuration under which supervisord runs these processes; equal when nothing that they see differs."""
        # What is inherited from the caller's environment belongs to it, but a key must not lie in a file.
        inherited = "\0".join(f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.startswith("OO_"))
        digest = hashlib.sha256(inherited.encode(errors="surrogateescape")).hexdigest()
        programs = (self._program(process) for process in processes)
        return "\n".join((f"; environment {digest}", self._head, *programs))

    def runs_with(self, configuration: str) -> bool:
        """Whether the running supervisord was started with this configuration."""
        return self._config.is_file() and self._config.read_text(encoding="utf-8") == configuration

    def start(self, configuration: str) -> None:
        """Start supervisord, without any process yet; it answers when this returns.

        Raises:
            StackFailed: it refused; says why.
        """
        self._config.write_text(configuration, encoding="utf-8")
        started = subprocess.run(  # noqa: S603  # our own program, by its path
            [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._config)],
            cwd=PROJECT_DIR,
            env=os.environ | {MARK: str(self._state_dir)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode:
            raise StackFailed(f"supervisord did not start: {(started.stderr or started.stdout).strip()}")

    def pid(self) -> int | None:
        """The id of the supervisord that answers, or None."""
        try:
            pid: int = self._call("getPID")
        except StackFailed:
            return None
        return pid

    def states(self) -> dict[str, ProcessState]:
        """The processes by name.

        Raises:
            StackFailed: supervisord does not answer.
        """
        return {info["name"]: _state(info) for info in self._call("getAllProcessInfo")}

    def start_process(self, name: str) -> None:
        """Start one process and do not wait for it.

        Raises:
            StackFailed: its program cannot be run, or supervisord does not answer.
        """
        self._call("startProcess", name, _DO_NOT_WAIT)

    def stop_process(self, name: str) -> None:
        """Ask one process to end and do not wait for it; past ten seconds supervisord kills it.

        Raises:
            StackFailed: it does not run, or supervisord does not answer.
        """
        self._call("stopProcess", name, _DO_NOT_WAIT)

    def shutdown(self) -> None:
        """Ask supervisord to end with all that still runs under it, and do not wait.

        Raises:
            StackFailed: supervisord does not answer.
        """
        self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401  # what XML-RPC carries has no static type
        try:
            return getattr(self._api, method)(*arguments)
        except Fault as fault:
            raise StackFailed(
                f"supervisord: {' '.join(map(str, (method, *arguments[:1])))}: {fault.faultString}"
            ) from fault
        except (OSError, HTTPException) as error:
            raise StackFailed(f"supervisord does not answer ({error}); see {self.log('supervisord')}") from error

    def _program(self, process: Process) -> str:
        variables = ",".join(f"{name}={_quoted(value)}" for name, value in process.environment.items())
        return f"""\
[program:{process.name}]
command = {_literal(shlex.join(process.command))}
directory = {_literal(PROJECT_DIR)}
environment = {variables}
stdout_logfile = {_literal(self.log(process.name))}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
redirect_stderr = true
autostart = false
autorestart = false
startsecs = 0
stopwaitsecs = 10
stopasgroup = true
killasgroup = true
"""


def _literal(value: object) -> str:
    """The value as supervisord's configuration writes it: a per cent sign would begin an expansion."""
    return str(value).replace("%", "%%")


def _quoted(value: str) -> str:
    """The value in quotes: of the two kinds supervisord has no way to write both into one value."""
    quote = "'" if '"' in value else '"'
    return f"{quote}{_literal(value)}{quote}"


def _socket_path(state_dir: Path) -> Path:
    path = state_dir / "supervisor.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"oo-{digest}.sock"


def _state(info: dict[str, Any]) -> ProcessState:
    running = info["statename"] in {"STARTING", "RUNNING", "STOPPING"}
    return ProcessState(
        running=running,
        pid=info["pid"] or None,
        exit_status=info["exitstatus"] if info["statename"] == "EXITED" else None,
        problem=info["spawnerr"] or None,
    )
