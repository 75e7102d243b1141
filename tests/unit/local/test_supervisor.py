import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions  # type: ignore[import-untyped]  # it ships no types

from oo.errors import StackFailed
from oo.local.processes import Process
from oo.local.settings import PROJECT_DIR
from oo.local.supervisor import Supervisor

PROCESS = Process("scorer", ("python", "-m", "scorer"))


def read_by_supervisord(process: Process, state_dir: Path) -> Any:  # noqa: ANN401  # supervisord has no types
    """The process as supervisord itself reads it from our configuration."""
    (state_dir / "logs").mkdir(parents=True)
    path = state_dir / "supervisord.conf"
    path.write_text(Supervisor(state_dir).configuration([process]), encoding="utf-8")
    options = ServerOptions()
    options.realize(["--configuration", str(path)])
    [group] = options.configroot.supervisord.process_group_configs
    [read] = group.process_configs
    return read


@pytest.mark.parametrize(
    "value",
    ["", "two words", "100 % sure", "a,b=c", "%(ENV_HOME)s", "sqlite:////tmp/a.db", "it's", '{"a/b": 0}'],
)
def test_a_variable_reaches_the_process_as_it_is(value: str, tmp_path: Path) -> None:
    process = replace(PROCESS, environment={"OO_FIRST": value, "OO_SECOND": "2"})
    assert read_by_supervisord(process, tmp_path).environment == {"OO_FIRST": value, "OO_SECOND": "2"}


def test_an_argument_reaches_the_process_as_it_is(tmp_path: Path) -> None:
    command = ("python", "two words", "100 %", "it's", 'a "quote"')
    read = read_by_supervisord(replace(PROCESS, command=command), tmp_path / "a folder")
    assert tuple(shlex.split(read.command)) == command


def test_a_process_starts_when_asked_and_is_never_restarted_silently(tmp_path: Path) -> None:
    read = read_by_supervisord(PROCESS, tmp_path)
    assert not read.autostart
    assert not read.autorestart
    assert read.directory == str(PROJECT_DIR)


def test_the_configuration_differs_when_a_variable_of_ours_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(tmp_path)
    before = supervisor.configuration([PROCESS])
    monkeypatch.setenv("UNRELATED", "1")
    assert supervisor.configuration([PROCESS]) == before
    monkeypatch.setenv("OO_LLM_API_KEY", "secret")
    assert supervisor.configuration([PROCESS]) != before
    assert "secret" not in supervisor.configuration([PROCESS])


def test_nobody_answers_where_no_supervisor_runs(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    assert supervisor.pid() is None
    with pytest.raises(StackFailed, match=r"supervisord does not answer.*supervisord\.log"):
        supervisor.states()


def test_the_last_lines_of_a_log_are_the_last_ones(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    assert supervisor.last_lines("scorer") == ""
    supervisor.log("scorer").parent.mkdir()
    supervisor.log("scorer").write_bytes(b"first\nsecond \xff\nthird\n")
    assert supervisor.last_lines("scorer", count=2) == "second \ufffd\nthird\n"
