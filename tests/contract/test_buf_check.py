"""scripts/buf-check.sh, in a small repository of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.contract_repository import PATH, Answer, ContractRepository, field, git, message, run

KIND = (message("TipReacted"), field("kind"))
DELETED = 'Previously present field "3" with name "kind" on message "TipReacted" was deleted.'


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> ContractRepository:
    return ContractRepository(tmp_path_factory.mktemp("check") / "a folder with spaces")


@pytest.fixture
def repository(original: ContractRepository, tmp_path: Path) -> ContractRepository:
    return original.copy(tmp_path / "a folder with spaces")


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """A folder for temporary files, in which nothing may stay."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    yield folder
    assert not list(folder.iterdir())


def remove_a_field(repository: ContractRepository) -> None:
    repository.edit(*KIND, to="")


def findings_by_commit(answer: Answer) -> dict[str, str]:
    """What was found, by the commit that it was found against."""
    _, *sections = answer.output.split("breaks readers of the contract at ")
    return {name: findings for name, _, findings in (section.partition(":\n") for section in sections)}


def test_an_unchanged_contract_passes_and_no_release_is_said(repository: ContractRepository, temporary: Path) -> None:
    answer = repository.check(TMPDIR=str(temporary))
    assert answer.code == 0
    assert "no release yet" in answer.output
    assert answer.output.endswith("the contract is fine, and breaks no reader of the one at 'main'\n")


def test_a_removed_field_is_a_finding(repository: ContractRepository, temporary: Path) -> None:
    remove_a_field(repository)
    answer = repository.check(TMPDIR=str(temporary))
    assert answer.code == 100
    assert DELETED in findings_by_commit(answer)["'main'"]


def test_bad_style_is_a_finding_and_hides_no_other(repository: ContractRepository) -> None:
    repository.edit(*KIND, to="  string badStyle = 4;\n")
    answer = repository.check()
    assert answer.code == 100
    assert "style:\nproto/oo/events/v1/feedback.proto:" in answer.output
    assert 'Field name "badStyle" should be lower_snake_case' in answer.output
    assert DELETED in answer.output


def test_bad_layout_is_a_finding_with_the_remedy(repository: ContractRepository) -> None:
    repository.edit(*KIND, "= 3", to="=  3")
    answer = repository.check()
    assert answer.code == 100
    assert "buf format proto --write' mends:" in answer.output
    assert "-  ReactionKind kind =  3" in answer.output


@pytest.mark.parametrize("broken", ["message Open {", "message Lost {\n  Unknown what = 1;\n}"])
def test_a_contract_that_does_not_compile_is_no_finding(
    broken: str, repository: ContractRepository, temporary: Path
) -> None:
    repository.edit(message("TipReacted"), to=rf"\g<0>{broken}\n")
    answer = repository.check(TMPDIR=str(temporary))
    assert answer.code == 4
    assert "proto/oo/events/v1/feedback.proto:" in answer.output
    assert "buf cannot build the contract in proto/" in answer.output


def test_an_older_contract_that_does_not_compile_is_no_finding(repository: ContractRepository, temporary: Path) -> None:
    repository.edit(message("TipReacted"), to=r"\g<0>message Open {\n")
    repository.commit("does not compile")
    repository.edit("message Open {\n", to="")
    answer = repository.check(TMPDIR=str(temporary))
    assert answer.code == 4
    assert "buf cannot build the contract at 'main'" in answer.output


def test_rules_that_buf_cannot_read_are_no_finding(repository: ContractRepository) -> None:
    (repository.folder / "buf.yaml").write_text("version: [\n", encoding="utf-8")
    answer = repository.check()
    assert answer.code == 1
    assert "decode buf.yaml" in answer.output
    assert "could not run" in answer.output


def test_a_renewed_vendored_file_is_no_finding(repository: ContractRepository) -> None:
    vendored = repository.folder / "third_party/protovalidate/buf/validate/validate.proto"
    text = vendored.read_text(encoding="utf-8")
    assert text.count("optional uint64 max_pairs = 2 ") == 1
    vendored.write_text(text.replace("uint64 max_pairs = 2 ", "uint64 max_pears = 2 "), encoding="utf-8")
    assert repository.check().code == 0


def test_a_workspace_of_fewer_modules_is_compared_with(repository: ContractRepository) -> None:
    (repository.folder / "buf.yaml").write_text("version: v2\nmodules:\n  - path: proto\n", encoding="utf-8")
    shutil.rmtree(repository.folder / "third_party")
    for file in repository.package.iterdir():
        file.unlink()
    (repository.package / "feedback.proto").write_text(
        'syntax = "proto3";\n\npackage oo.events.v1;\n\nmessage TipReacted {\n  string kind = 7;\n}\n', encoding="utf-8"
    )
    repository.commit("one module")
    git(repository.folder, "checkout", "--quiet", "HEAD~1", "--", ".")
    answer = repository.check()
    assert answer.code == 100
    assert 'field "7" with name "kind" on message "TipReacted" was deleted' in answer.output


def test_another_commit_may_be_named(repository: ContractRepository) -> None:
    remove_a_field(repository)
    repository.commit("break it")
    assert repository.check().code == 0
    assert "'HEAD~1'" in findings_by_commit(repository.check(BUF_AGAINST="HEAD~1"))


def test_several_commits_may_be_named_and_are_told_apart(repository: ContractRepository) -> None:
    git(repository.folder, "tag", "old-field")
    remove_a_field(repository)
    repository.commit("break it")
    add_after = (message("TipReacted"), field("tip_id"))
    repository.edit(*add_after, to=r"\g<0>  // reason is why.\n  string reason = 4;\n")
    repository.commit("add to it")
    git(repository.folder, "branch", "new-field")
    repository.edit(message("TipReacted"), field("reason"), to="")
    found = findings_by_commit(repository.check("old-field", "new-field"))
    assert DELETED in found["'old-field'"]
    assert '"reason"' in found["'new-field'"]
    assert '"reason"' not in found["'old-field'"]


def test_the_newest_release_is_compared_with_too(repository: ContractRepository) -> None:
    repository.edit(*KIND, to=r"\g<0>  // reason is why.\n  string reason = 4;\n")
    repository.commit("a field that a release has")
    # On a commit that main does not lead to, and with names that sort otherwise as text.
    git(repository.folder, "tag", "--annotate", "--message=ten", "v0.10.0")
    git(repository.folder, "reset", "--quiet", "--hard", "HEAD~1")
    for older in ("v0.1.0", "v0.9.0", "v0.10.0-rc1", "vendored"):
        git(repository.folder, "tag", older)
    answer = repository.check()
    assert answer.code == 100
    [(name, findings)] = findings_by_commit(answer).items()
    assert name.startswith("'v0.10.0' (it holds commits that this branch lacks")
    assert 'field "4" with name "reason" on message "TipReacted" was deleted' in findings


def test_a_release_from_before_the_contract_is_said_and_is_no_finding(repository: ContractRepository) -> None:
    git(repository.folder, "tag", "v0.0.1", "old")
    answer = repository.check()
    assert answer.code == 0
    assert "the last release, 'v0.0.1', has no contract yet" in answer.output


def test_a_clone_without_a_main_of_its_own_takes_that_of_the_server(
    repository: ContractRepository, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.folder.as_uri(), "clone")
    git(tmp_path / "clone", "checkout", "--quiet", "--detach")
    git(tmp_path / "clone", "branch", "--quiet", "--delete", "main")
    answer = run("scripts/buf-check.sh", cwd=tmp_path / "clone")
    assert answer.code == 0, answer.output
    assert "the one at 'origin/main'" in answer.output


def test_a_worktree_is_checked_for_itself(repository: ContractRepository, tmp_path: Path) -> None:
    remove_a_field(repository)
    git(repository.folder, "worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"), "main")
    assert run("scripts/buf-check.sh", cwd=tmp_path / "worktree").code == 0


def test_it_runs_from_anywhere_and_for_the_hook_of_another_repository(
    repository: ContractRepository, tmp_path: Path
) -> None:
    remove_a_field(repository)
    another = tmp_path / "another"
    script = Path(repository.folder.name) / "scripts/buf-check.sh"
    (another / script.parent).mkdir(parents=True)
    git(another, "init", "--quiet")
    hook = {"GIT_DIR": str(another / ".git"), "GIT_WORK_TREE": str(another), "CDPATH": str(another)}
    answer = run(str(script), cwd=repository.folder.parent, environment=hook)
    assert answer.code == 100, answer.output
    assert DELETED in answer.output


def test_a_commit_that_is_not_there_is_named(repository: ContractRepository) -> None:
    answer = repository.check("upstream/main")
    assert answer.code == 2
    assert "no commit 'upstream/main'" in answer.output


def test_a_commit_without_a_contract_is_named(repository: ContractRepository) -> None:
    answer = repository.check("old")
    assert answer.code == 2
    assert "'old' has no contract yet" in answer.output


def test_a_copy_without_its_repository_is_told_so(repository: ContractRepository) -> None:
    shutil.rmtree(repository.folder / ".git")
    answer = repository.check(GIT_CEILING_DIRECTORIES=str(repository.folder.parent))
    assert answer.code == 2
    assert "git finds no repository here" in answer.output


@pytest.mark.parametrize(("there", "missing"), [((), "no buf"), (("buf",), "no git")])
def test_a_missing_tool_is_named_with_the_remedy(
    there: tuple[str, ...], missing: str, repository: ContractRepository, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", *there):
        (tools / tool).symlink_to(shutil.which(tool, path=PATH) or tool)
    answer = repository.check(PATH=str(tools))
    assert answer.code == 3
    assert missing in answer.output
    assert "install" in answer.output
