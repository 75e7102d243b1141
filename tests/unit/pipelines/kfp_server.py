"""A stand-in for a Kubeflow Pipelines server, since none can be installed here: what `kfp.Client` asks of API v2beta1.

It keeps what it was sent and tells of a run what the test wants told, one state of it at each look. A real server also
tells of drivers, loops and executors among the steps; so does this one where a test says so.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

RUN = "8c4d3f0e-6f7e-4d6e-9d1b-0a5d6f2e9c11"
API = "/apis/v2beta1"


@dataclass
class KfpServer:
    """What it answers, and what it was asked."""

    looks: Sequence[Mapping[str, Any]] = ()
    """The run at each look; the last one stays."""
    fails_from: int | None = None
    """The request, from 0, from which on it answers 500."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    sent: dict[str, Any] = field(default_factory=dict)
    """The run as it was sent."""
    url: str = ""
    _looked: int = 0

    def answer(self, asked: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        self.asked.append(asked)
        if self.fails_from is not None and len(self.asked) > self.fails_from:
            return 500, {"error": "the database is away"}
        if asked == f"POST {API}/runs":
            self.sent = json.loads(body)
        known: Mapping[str, Mapping[str, Any]] = {
            f"GET {API}/healthz": {"multi_user": False},
            f"GET {API}/experiments": {},
            f"POST {API}/experiments": {"experiment_id": "1", "display_name": "Default"},
            f"POST {API}/runs": {"run_id": RUN, "state": "PENDING"},
        }
        if asked == f"GET {API}/runs/{RUN}":
            look = self.looks[min(self._looked, len(self.looks) - 1)]
            self._looked += 1
            return 200, {"run_id": RUN, **look}
        return (200, known[asked]) if asked in known else (404, {"error": "not found"})


def look(state: str, *tasks: tuple[str, str]) -> dict[str, Any]:
    """A run in this state, with the names and states of its tasks in the order in which they began, a second each."""
    details = [
        {
            "run_id": RUN,
            "task_id": f"task-{number}",
            "display_name": name,
            "start_time": f"2026-11-01T08:00:{number:02}Z",
            "state": of_task,
        }
        for number, (name, of_task) in enumerate(tasks)
    ]
    return {"state": state, "run_details": {"task_details": details[::-1]}}


@contextmanager
def serving(server: KfpServer) -> Iterator[KfpServer]:
    """The server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, told = server.answer(f"{self.command} {self.path.partition('?')[0]}", body)
            answer = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815  # as http.server calls it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
