import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from oo.local import leftovers

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], env={})"
PATIENT = "import time; print('up', flush=True); time.sleep(60)"


@contextmanager
def running(*command: str, mark: Path) -> Iterator[int]:
    """A Python program that carries the mark, once it or its child has said that it is up."""
    environment = os.environ | {leftovers.MARK: str(mark)}
    with subprocess.Popen(  # noqa: S603  # our own program, by its path
        [sys.executable, "-c", *command], env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as program:
        try:
            assert program.stdout
            assert program.stdout.readline() == b"up\n"
            yield program.pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def test_a_process_is_found_by_the_stack_that_it_belongs_to(tmp_path: Path) -> None:
    with running(PATIENT, mark=tmp_path) as pid:
        assert {process.pid for process in leftovers.find(tmp_path)} == {pid}
        assert leftovers.find(tmp_path / "other") == set()


def test_the_caller_is_not_found_even_when_it_carries_the_mark(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from oo.local.leftovers import find; print(find(Path(sys.argv[1])))"
    found = subprocess.run(  # noqa: S603  # our own program, by its path
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {leftovers.MARK: str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "set()"


def test_a_child_without_the_mark_is_found_through_its_parent(tmp_path: Path) -> None:
    with running(PARENT, PATIENT, mark=tmp_path) as pid:
        [child] = psutil.Process(pid).children()
        assert child in leftovers.find(tmp_path)


def test_orphans_are_what_the_supervisor_does_not_know(tmp_path: Path) -> None:
    with running(PARENT, PATIENT, mark=tmp_path) as supervisor, running(PATIENT, mark=tmp_path) as orphan:
        assert {process.pid for process in leftovers.find_orphans(tmp_path, supervisor)} == {orphan}


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    with running(STUBBORN, mark=tmp_path) as pid:
        process = psutil.Process(pid)
        assert leftovers.end([process], grace=0.2) == []
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_process_is_described_by_name_and_id_as_long_as_it_runs(tmp_path: Path) -> None:
    with running(PATIENT, mark=tmp_path) as pid:
        process = psutil.Process(pid)
        assert leftovers.describe(process) == f"{process.name()} (pid {pid})"
    assert leftovers.describe(process) == f"pid {pid}"
