"""The stack with its real supervisor over small real processes."""

import fcntl
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from oo.errors import StackFailed
from oo.local import leftovers, preflight, stack
from oo.local.processes import Process
from oo.local.settings import StackSettings
from oo.local.supervisor import Supervisor


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server(name: str, folder: Path, needs: tuple[str, ...] = ()) -> Process:
    """A web server; it is healthy as long as `folder` has a file of its name."""
    port = free_port()
    (folder / name).touch()
    url = f"http://127.0.0.1:{port}"
    return Process(
        name=name,
        command=(sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)),
        health=f"{url}/{name}",
        url=url,
        ports={f"OO_{name.upper()}_PORT": port},
        needs=needs,
    )


def task(name: str, code: str, needs: tuple[str, ...] = ()) -> Process:
    # Unbuffered, so that both of its outputs stand in the log in the order in which it wrote them.
    return Process(name=name, command=(sys.executable, "-u", "-c", code), needs=needs)


class Small:
    """A stack of a few processes in a folder of its own, and the news that it told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = StackSettings(state_dir=folder / "state", start_timeout=30)
        self.table: tuple[Process, ...] = (
            server("store", folder),
            task("fill", "print('filled')", needs=("store",)),
            server("shop", folder, needs=("fill",)),
        )
        self.news: list[tuple[str, str]] = []

    def progress(self, what: str, news: str) -> None:
        self.news.append((what, news))

    def processes(self, _settings: StackSettings) -> tuple[Process, ...]:
        return self.table

    def up(self) -> None:
        self.news.clear()
        stack.up(self.settings, self.progress, self.processes)

    def down(self) -> None:
        self.news.clear()
        stack.down(self.settings, self.progress, self.processes)

    def conditions(self) -> list[str]:
        return [row.condition for row in stack.status(self.settings, self.processes)]

    def pids(self) -> dict[str, int | None]:
        return {row.name: row.pid for row in stack.status(self.settings, self.processes)}

    def kill(self, name: str) -> None:
        pid = self.pids()[name]
        assert pid
        self.kill_pid(pid)

    def kill_supervisor(self) -> None:
        pid = Supervisor(self.settings.state_dir).pid()
        assert pid
        self.kill_pid(pid)

    @staticmethod
    def kill_pid(pid: int) -> None:
        process = psutil.Process(pid)
        process.kill()
        psutil.wait_procs([process], timeout=10)

    def assert_nothing_is_left(self) -> None:
        assert leftovers.find(self.settings.state_dir) == set()
        for process in self.table:
            for port in process.ports.values():
                assert not preflight.is_taken(port)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    small = Small(tmp_path)
    yield small
    small.down()


def test_up_makes_everything_healthy_and_down_leaves_no_process_and_no_port(small: Small) -> None:
    assert small.conditions() == ["stopped", "stopped", "stopped"]
    small.up()
    assert small.conditions() == ["healthy", "done", "healthy"]
    small.down()
    assert small.conditions() == ["stopped", "stopped", "stopped"]
    small.assert_nothing_is_left()


def test_a_process_starts_after_what_it_needs_is_ready(small: Small) -> None:
    small.up()
    assert [(what, news.split()[0]) for what, news in small.news] == [
        ("store", "starting"),
        ("store", "ready"),
        ("fill", "starting"),
        ("fill", "ready"),
        ("shop", "starting"),
        ("shop", "ready"),
    ]


RECORDING_SERVER = """
import http.server, pathlib, signal, sys, threading

port, name, order = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
server = http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)

def stop(*_):
    with order.open("a") as file:
        file.write(f"{name} ")
    threading.Thread(target=server.shutdown).start()

signal.signal(signal.SIGTERM, stop)
server.serve_forever()
"""


def test_what_needs_another_stops_first(small: Small, tmp_path: Path) -> None:
    order, program = tmp_path / "order", tmp_path / "recording.py"
    program.write_text(RECORDING_SERVER)

    def recording(name: str, needs: tuple[str, ...]) -> Process:
        port = free_port()
        command = (sys.executable, str(program), str(port), name, str(order))
        return Process(name=name, command=command, health=f"http://127.0.0.1:{port}/", needs=needs)

    small.table = (recording("first", ()), recording("second", ("first",)), recording("third", ("second",)))
    small.up()
    small.down()
    assert order.read_text().split() == ["third", "second", "first"]


def test_up_again_says_that_all_is_healthy_and_touches_nothing(small: Small) -> None:
    small.up()
    pids = small.pids()
    small.up()
    assert small.news == [("stack", "is up and healthy already")]
    assert small.pids() == pids


def test_a_dead_process_is_named_and_replaced_while_the_others_run_on(small: Small) -> None:
    small.up()
    before = small.pids()
    small.kill("shop")
    assert small.conditions() == ["healthy", "done", "dead"]
    small.up()
    assert small.news[0] == ("shop", "is dead; starting it again")
    assert small.conditions() == ["healthy", "done", "healthy"]
    assert small.pids()["store"] == before["store"]
    assert small.pids()["shop"] != before["shop"]


def test_a_process_that_runs_and_is_not_healthy_any_more_is_replaced(small: Small) -> None:
    small.up()
    before = small.pids()["shop"]
    (small.folder / "shop").rename(small.folder / "closed")
    assert small.conditions() == ["healthy", "done", "unhealthy"]
    threading.Timer(1, (small.folder / "closed").rename, [small.folder / "shop"]).start()
    small.up()
    assert small.news[0] == ("shop", "is unhealthy; starting it again")
    assert small.pids()["shop"] != before


def test_other_settings_start_the_stack_anew(small: Small) -> None:
    small.up()
    old = small.table[2]
    small.table = (*small.table[:2], server("shop", small.folder, needs=("fill",)))
    small.up()
    assert small.news[0] == ("stack", "runs with other settings; starting it anew")
    assert small.conditions() == ["healthy", "done", "healthy"]
    assert not preflight.is_taken(old.ports["OO_SHOP_PORT"])


def test_a_changed_variable_of_ours_starts_the_stack_anew(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    small.up()
    monkeypatch.setenv("OO_LLM_MODEL", "another")
    small.up()
    assert small.news[0] == ("stack", "runs with other settings; starting it anew")


def test_a_process_that_ends_at_start_shows_the_end_of_its_log_and_nothing_runs_on(small: Small) -> None:
    small.table = (*small.table, task("broken", "import sys; print('line', 7); sys.exit('no such table: tips')"))
    with pytest.raises(StackFailed, match=r"(?s)broken failed.*/logs/broken\.log.*line 7\n.*no such table: tips"):
        small.up()
    small.assert_nothing_is_left()


def test_a_process_that_ends_while_another_starts_is_told_at_once(small: Small) -> None:
    dying = server("dying", small.folder)
    killer = task("killer", "import time; time.sleep(60)", needs=("dying",))
    small.table = (dying, killer)

    def kill_it(what: str, news: str) -> None:
        if (what, news) == ("killer", "starting"):
            small.kill("dying")

    with pytest.raises(StackFailed, match="dying failed"):
        stack.up(small.settings, kill_it, small.processes)


def test_a_program_that_does_not_exist_is_named(small: Small) -> None:
    small.table = (Process("nowhere", ("/nowhere/to/be/found",)),)
    with pytest.raises(StackFailed, match=r"nowhere.*/nowhere/to/be/found"):
        small.up()


def test_a_process_that_does_not_get_healthy_in_time_is_told_with_the_setting(small: Small) -> None:
    small.settings = small.settings.model_copy(update={"start_timeout": 1})
    (small.folder / "shop").unlink()
    with pytest.raises(StackFailed, match=r"shop failed: it was not ready within 1 s \(OO_START_TIMEOUT\)"):
        small.up()
    small.assert_nothing_is_left()


def test_a_taken_port_is_told_with_its_holder_and_the_setting_that_changes_it(small: Small) -> None:
    port = small.table[0].ports["OO_STORE_PORT"]
    with socket.create_server(("127.0.0.1", port)):
        holder = rf"{psutil.Process().name()} \(pid {os.getpid()}\)"
        with pytest.raises(StackFailed, match=rf"port {port} of store is taken by {holder}.*OO_STORE_PORT"):
            small.up()
    small.assert_nothing_is_left()


def test_a_nearly_full_disk_is_refused_with_the_remedy(small: Small) -> None:
    small.settings = small.settings.model_copy(update={"min_free_mb": 10**12})
    with pytest.raises(StackFailed, match="OO_STATE_DIR or lower OO_MIN_FREE_MB"):
        small.up()


def test_a_state_folder_that_cannot_be_made_is_told_with_the_setting(small: Small) -> None:
    (small.folder / "file").touch()
    settings = small.settings.model_copy(update={"state_dir": small.folder / "file" / "state"})
    with pytest.raises(StackFailed, match="OO_STATE_DIR"):
        stack.up(settings, small.progress, small.processes)


def test_up_cleans_up_after_a_supervisor_that_was_killed(small: Small) -> None:
    small.up()
    orphans = {pid for pid in small.pids().values() if pid}
    small.kill_supervisor()
    assert {process.pid for process in leftovers.find(small.settings.state_dir)} == orphans
    small.up()
    assert small.news[0] == ("stack", "its supervisor was killed; ending the processes that it left")
    assert small.conditions() == ["healthy", "done", "healthy"]
    assert not orphans & {pid for pid in small.pids().values() if pid}


def test_down_ends_what_a_killed_supervisor_left(small: Small) -> None:
    small.up()
    small.kill_supervisor()
    small.down()
    small.assert_nothing_is_left()


def test_a_child_that_outlived_its_parent_is_ended_before_the_parent_starts_again(small: Small) -> None:
    shop = small.table[2]
    family = replace(shop, command=("/bin/sh", "-c", f"{shlex.join(shop.command)} & wait"), needs=())
    small.table = (small.table[0], family)
    small.up()
    small.kill("shop")
    assert preflight.is_taken(shop.ports["OO_SHOP_PORT"])
    small.up()
    assert small.conditions() == ["healthy", "healthy"]


def test_a_second_up_waits_for_the_first_and_says_so(small: Small) -> None:
    small.settings.state_dir.mkdir()
    told = threading.Event()

    def progress(what: str, news: str) -> None:
        small.progress(what, news)
        told.set()

    second = threading.Thread(target=stack.up, args=(small.settings, progress, small.processes))
    with (small.settings.state_dir / "lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second.start()
        assert told.wait(30)
        assert small.news == [("stack", "another up or down is at work; waiting for it")]
        assert small.conditions() == ["stopped", "stopped", "stopped"]
    second.join(60)
    assert small.conditions() == ["healthy", "done", "healthy"]


def test_an_interrupted_up_leaves_nothing(small: Small) -> None:
    def interrupt(what: str, _news: str) -> None:
        if what == "shop":
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin without it
    try:
        with pytest.raises(KeyboardInterrupt):
            stack.up(small.settings, interrupt, small.processes)
    finally:
        signal.signal(signal.SIGINT, before)
    small.assert_nothing_is_left()


def test_logs_give_the_last_lines_of_each_process(small: Small) -> None:
    small.up()
    logs = stack.logs(small.settings, table=small.processes)
    assert list(logs) == ["store", "fill", "shop"]
    assert logs["fill"] == "filled\n"
    assert stack.logs(small.settings, "fill", small.processes) == {"fill": "filled\n"}


def test_logs_of_an_unknown_process_name_the_known_ones(small: Small) -> None:
    with pytest.raises(StackFailed, match="no process 'shoe'; it has store, fill, shop"):
        stack.logs(small.settings, "shoe", small.processes)
