from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from oo.local.health import condition, is_dead
from oo.local.processes import Process
from oo.local.supervisor import ProcessState

RUNNING = ProcessState(running=True, pid=1, exit_status=None, problem=None)
NEVER_STARTED = ProcessState(running=False, pid=None, exit_status=None, problem=None)
ENDED_WELL = ProcessState(running=False, pid=None, exit_status=0, problem=None)
ENDED_BADLY = ProcessState(running=False, pid=None, exit_status=3, problem=None)
NOT_STARTABLE = ProcessState(running=False, pid=None, exit_status=None, problem="no such file")

TASK = Process("bootstrap", ("true",))


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK if self.path == "/readyz" else HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def serving(health: str) -> Process:
    return Process("scorer", ("true",), health=health)


def test_a_process_is_healthy_when_its_endpoint_says_so(url: str) -> None:
    assert condition(serving(f"{url}/readyz"), RUNNING) == "healthy"


def test_a_process_whose_endpoint_refuses_is_unhealthy(url: str) -> None:
    assert condition(serving(f"{url}/livez"), RUNNING) == "unhealthy"


def test_a_process_that_does_not_listen_yet_is_unhealthy() -> None:
    assert condition(serving("http://127.0.0.1:1/readyz"), RUNNING) == "unhealthy"


def test_a_proxy_of_the_environment_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert condition(serving(f"{url}/readyz"), RUNNING) == "healthy"


@pytest.mark.parametrize(
    ("state", "of_a_server", "of_a_task"),
    [
        (None, "stopped", "stopped"),
        (NEVER_STARTED, "stopped", "stopped"),
        (RUNNING, "unhealthy", "running"),
        (ENDED_WELL, "dead", "done"),
        (ENDED_BADLY, "dead", "dead"),
        (NOT_STARTABLE, "dead", "dead"),
    ],
)
def test_a_server_must_run_and_a_task_must_end_well(state: ProcessState, of_a_server: str, of_a_task: str) -> None:
    assert condition(serving("http://127.0.0.1:1/readyz"), state) == of_a_server
    assert condition(TASK, state) == of_a_task


def test_only_what_ended_or_never_could_start_is_dead() -> None:
    assert is_dead(TASK, ENDED_BADLY)
    assert is_dead(TASK, NOT_STARTABLE)
    assert not is_dead(TASK, ENDED_WELL)
    assert not is_dead(TASK, NEVER_STARTED)
    assert not is_dead(TASK, RUNNING)
