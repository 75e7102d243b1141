"""A small git repository that holds the real contract and the script that guards it, to be edited by a test."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATH = f"{BIN}{os.pathsep}{os.environ['PATH']}"
PACKAGE = Path("proto/oo/events/v1")
CONTRACT = ("proto", "third_party", "buf.yaml")
NO_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
# buf is written in Go and lives for a moment: collecting its garbage would be a third of the time of these tests.
HASTE = {"GOGC": "off"}
FLAGS = re.MULTILINE | re.DOTALL


class Answer(NamedTuple):
    """What a program ended with, and all that it wrote."""

    code: int
    output: str


def run(program: str, *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None) -> Answer:
    """Run it with the tools of this environment, and without what a person or a hook has set for git."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "BUF_"))}
    done = subprocess.run(  # noqa: S603  # git, or what is under test
        [program, *arguments],
        cwd=cwd,
        env=inherited | {"PATH": PATH} | NO_SETTINGS | HASTE | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return Answer(done.returncode, done.stdout)


def git(cwd: Path, *arguments: str) -> str:
    answer = run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments, cwd=cwd)
    assert answer.code == 0, answer.output
    return answer.output


def message(name: str) -> str:
    """The pattern of a message with its comment."""
    return rf"(?:^//[^\n]*\n)*^message {name} \{{\n.*?^\}}\n"


def enum(name: str) -> str:
    """The pattern of an enum with its comment."""
    return rf"(?:^//[^\n]*\n)*^enum {name} \{{\n.*?^\}}\n"


def field(name: str) -> str:
    """The pattern of a field, or of an enum's value, with its comment and its options."""
    return rf"(?:^ +//[^\n]*\n)*^ +(?:[\w.<>, ]+ )?{name} = \d+(?: \[.*?\])?;\n"


class ContractRepository:
    """One with the script alone on branch `old`, and with the contract on `main`.

    Holding no `.venv`, it finds the tools on the PATH.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "buf-check.sh", folder / "scripts")
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.commit("before the contract")
        git(folder, "branch", "old")
        for name in CONTRACT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy(source, folder)
        self.commit("the contract")

    @property
    def package(self) -> Path:
        return self.folder / PACKAGE

    def copy(self, folder: Path) -> "ContractRepository":
        copied = copy(self)
        copied.folder = shutil.copytree(self.folder, folder)
        return copied

    def commit(self, what: str) -> None:
        git(self.folder, "add", ".")
        git(self.folder, "commit", "--quiet", f"--message={what}")

    def check(self, *arguments: str, **environment: str) -> Answer:
        return run("scripts/buf-check.sh", *arguments, cwd=self.folder, environment=environment)

    def edit(self, *places: str, to: str) -> str:
        r"""Replace the one place that the last pattern has within that of the pattern before it, and so on.

        `to` may refer to the old text, all of which is `\g<0>` and the answer.
        """
        texts = {file: file.read_text(encoding="utf-8") for file in self.package.glob("*.proto")}
        [file] = [file for file, text in texts.items() if re.search(places[0], text, FLAGS)]
        text = texts[file]
        start, end = 0, len(text)
        for place in places:
            [found] = re.compile(place, FLAGS).finditer(text, start, end)
            start, end = found.span()
        new = found.expand(to)
        assert new != found[0], f"the edit leaves everything as it was: {new}"
        file.write_text(text[:start] + new + text[end:], encoding="utf-8")
        return found[0]
