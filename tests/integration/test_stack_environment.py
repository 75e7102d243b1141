"""`make` on machines where something is missing: the answer names it and the remedy. Nothing is downloaded here."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TOOLS = ("awk", "cksum", "cut", "dirname", "grep", "make", "mkdir", "sh", "touch")
NO_INTERPRETER = "#!/bin/sh\necho 'no such version is installed' >&2\nexit 127\n"
NO_VENV_MODULE = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\n'


class Machine:
    """A copy of what `make env` reads, and a PATH of our choice."""

    def __init__(self, home: Path) -> None:
        self.project = home / "project"
        self.bin = home / "bin"
        self.bin.mkdir()
        for folder in ("scripts", "requirements"):
            shutil.copytree(PROJECT / folder, self.project / folder)
        for file in ("Makefile", "pyproject.toml", "clients/typescript/package-lock.json", ".gitea/package-lock.json"):
            (self.project / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / file, self.project / file)
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path, tool
            (self.bin / tool).symlink_to(path)

    def install(self, name: str, script: str) -> Path:
        program = self.bin / name
        program.write_text(script)
        program.chmod(0o755)
        return program

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  # our own program, by its path
            [self.bin / "make", *arguments],
            cwd=self.project,
            env={"PATH": str(self.bin), "HOME": str(self.project)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_interpreter_that_does_not_run_is_named_with_the_remedy(machine: Machine) -> None:
    made = machine.make("PYTHON=/nonexistent", "env")
    assert made.returncode != 0
    assert "PYTHON=/nonexistent is not a Python of 3.11 or later that runs" in made.stderr
    assert "make PYTHON=/path/to/python3" in made.stderr


def test_a_machine_without_python_is_told_how_to_get_it(machine: Machine) -> None:
    made = machine.make("env")
    assert made.returncode != 0
    assert "No Python of 3.11 or later runs here" in made.stderr
    assert "apt install python3 python3-venv" in made.stderr


def test_a_shim_without_an_interpreter_is_passed_over(machine: Machine) -> None:
    machine.install("python3.12", NO_INTERPRETER)
    found = machine.install("python3.11", NO_VENV_MODULE)
    assert str(found) in machine.make("env").stderr


def test_a_python_without_venv_is_told_with_the_package_that_brings_it(machine: Machine) -> None:
    machine.install("python3", NO_VENV_MODULE)
    made = machine.make("env")
    assert made.returncode != 0
    assert "lacks the modules venv and ensurepip" in made.stderr
    assert "apt install python3-venv" in made.stderr


def test_make_alone_lists_what_there_is_and_installs_nothing(machine: Machine) -> None:
    made = machine.make()
    assert made.returncode == 0
    assert {"up", "down", "demo", "test", "lint", "lock"} <= {line.split()[1] for line in made.stdout.splitlines()}
    assert not (machine.project / ".venv").exists()
