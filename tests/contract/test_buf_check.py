"""scripts/buf-check.sh, in a small repository of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FEEDBACK = Path("proto/oo/events/v1/feedback.proto")


def run(program: str, *arguments: str, cwd: Path, path: str = f"{BIN}{os.pathsep}{os.environ['PATH']}") -> str:
    """Its exit code and what it wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(  # noqa: S603  # git, or the script under test
        [program, *arguments],
        cwd=cwd,
        env=environment | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return f"{done.returncode}: {done.stdout}"


def git(repository: Path, *arguments: str) -> None:
    answer = run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments, cwd=repository)
    assert answer.startswith("0:"), answer


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One with the script alone on branch `old`, and the contract on `main`."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "buf-check.sh", tmp_path / "scripts")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=before the contract")
    git(tmp_path, "branch", "old")
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=the contract")
    return tmp_path


def change(repository: Path, old: str, new: str) -> None:
    text = (repository / FEEDBACK).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (repository / FEEDBACK).write_text(text.replace(old, new), encoding="utf-8")


def check(repository: Path, *arguments: str) -> str:
    return run("scripts/buf-check.sh", *arguments, cwd=repository)


def test_an_unchanged_contract_passes(repository: Path) -> None:
    assert check(repository).startswith("0: buf-check: the contract is fine")


def test_an_added_field_passes(repository: Path) -> None:
    change(repository, "ReactionKind kind = 3;", "ReactionKind kind = 3;\n  // why is why.\n  string why = 4;")
    assert check(repository).startswith("0:")


def test_a_removed_field_is_a_finding(repository: Path) -> None:
    change(repository, "ReactionKind kind = 3;", "")
    answer = check(repository)
    assert answer.startswith("100:")
    assert 'Previously present field "3" with name "kind"' in answer


def test_bad_style_is_a_finding(repository: Path) -> None:
    change(repository, "ReactionKind kind = 3;", "ReactionKind kind = 3;\n  string badStyle = 4;")
    answer = check(repository)
    assert answer.startswith("100:")
    assert "badStyle" in answer


def test_another_commit_may_be_named(repository: Path) -> None:
    change(repository, "ReactionKind kind = 3;", "")
    git(repository, "commit", "--quiet", "--all", "--message=break it")
    assert check(repository).startswith("0:")
    assert check(repository, "HEAD~1").startswith("100:")


def test_a_commit_that_is_not_there_is_named(repository: Path) -> None:
    answer = check(repository, "origin/main")
    assert answer.startswith("2:")
    assert "no commit 'origin/main'" in answer


def test_a_commit_without_a_contract_is_named(repository: Path) -> None:
    answer = check(repository, "old")
    assert answer.startswith("2:")
    assert "'old' has no contract yet" in answer


def test_a_missing_buf_is_named_with_the_remedy(repository: Path) -> None:
    tools = repository / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    answer = run("scripts/buf-check.sh", cwd=repository, path=str(tools))
    assert answer.startswith("3:")
    assert "`make env` installs it" in answer
