"""A real MLflow server on SQLite, for the tests that talk to a registry."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_WITHIN_SECONDS = 120


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of a server that keeps everything in `folder`, ready to answer."""
    port = _free_port()
    arguments = [
        *("server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--serve-artifacts"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "mlflow.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603  # our own program, by its path
            [str(Path(sys.executable).parent / "mlflow"), *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}", server, folder / "mlflow.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _wait_until_it_answers(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=5):  # noqa: S310  # our own server
                return
        except (urllib.error.URLError, OSError):
            assert server.poll() is None, f"mlflow server ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"mlflow server did not answer: {log.read_text()}"
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
