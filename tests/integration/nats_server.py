"""A NATS server of a test's own, which the test may stop, kill and bring back."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "nats-server"
PATIENCE = 20.0
"""Seconds that the server may take to open its port, or to end."""


@dataclass
class NatsServer:
    """A JetStream server on loopback that comes back on the same port with the same store."""

    store_dir: Path
    run_dir: Path
    """Where the server writes which port it took."""
    port: int = -1
    """-1 lets the server take a free one at its first start."""
    config: str = ""
    """What no flag says, as the server's configuration file has it; read at each start."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        where = ["-a", "127.0.0.1", "-p", str(self.port), "--ports_file_dir", str(self.run_dir)]
        if self.config:
            file = self.run_dir / "nats.conf"
            file.write_text(self.config)
            where += ["-c", str(file)]
        self._process = subprocess.Popen(  # noqa: S603  # our own program, by its path
            [PROGRAM, "-js", "-sd", str(self.store_dir), *where],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.port = self._opened_port(self._process)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hold its connections and say nothing."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # until then it may answer once more

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def _opened_port(self, process: subprocess.Popen[bytes]) -> int:
        """The port in the file that the server writes once it listens."""
        ports = self.run_dir / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"nats-server ended with {process.returncode}")
            try:
                url: str = json.loads(ports.read_text())["nats"][0]
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.01)
            else:
                return int(url.rpartition(":")[2])
        raise TimeoutError(f"nats-server did not listen within {PATIENCE:.0f} s")
