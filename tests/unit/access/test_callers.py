import logging
import os
import traceback
from pathlib import Path

import pytest

from oo.access.callers import Anyone, Caller, CallersFile
from oo.errors import InvalidSettings, TenantNotAllowed, Unauthorized

OLD, NEW, OTHER = "old-" + "x" * 32, "new-" + "y" * 32, "other-" + "z" * 32
FILE = f"""
recommender:
  tokens: [{OLD}, {NEW}]
reporting:
  tokens: {OTHER}
  tenants: [example]
"""


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file as the kubelet mounts it: a link to a file in a folder that a link names."""
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "callers.yaml").write_text(FILE)
    (tmp_path / "data").symlink_to("first")
    (tmp_path / "callers.yaml").symlink_to("data/callers.yaml")
    return tmp_path / "callers.yaml"


def swap(secret: Path, name: str, content: str) -> None:
    """Put a new content there as the kubelet does: whoever opens the path finds the old one or the new one."""
    folder = secret.parent
    (folder / name).mkdir()
    (folder / name / "callers.yaml").write_text(content)
    (folder / "data.new").symlink_to(name)
    (folder / "data.new").replace(folder / "data")


@pytest.mark.parametrize(("token", "name"), [(OLD, "recommender"), (NEW, "recommender"), (OTHER, "reporting")])
def test_a_caller_is_known_by_each_of_its_tokens(secret: Path, token: str, name: str) -> None:
    assert CallersFile(secret).of(f"Bearer {token}").name == name


def test_the_scheme_is_known_however_it_is_spelled(secret: Path) -> None:
    assert CallersFile(secret).of(f"bearer  {OTHER} ").name == "reporting"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        OLD,
        f"Basic {OLD}",
        f"Bearer {OLD[:-1]}",
        f"Bearer {OLD}x",
        "Bearer é",
        "Bearer x",
    ],
)
def test_whoever_sends_no_token_of_a_caller_is_refused_without_an_echo(secret: Path, header: str | None) -> None:
    with pytest.raises(Unauthorized) as refused:
        CallersFile(secret).of(header)
    assert "xxx" not in str(refused.value)


def test_a_caller_may_ask_for_its_tenants_alone_or_for_all_when_it_names_none(secret: Path) -> None:
    callers = CallersFile(secret)
    callers.of(f"Bearer {OLD}").check("anything")
    reporting = callers.of(f"Bearer {OTHER}")
    reporting.check("example")
    with pytest.raises(TenantNotAllowed, match="'reporting' may not ask for tenant 'other'"):
        reporting.check("other")


def test_anyone_may_ask_for_every_tenant_where_the_deployment_says_so() -> None:
    for header in (None, f"Bearer {OLD}"):
        Anyone().of(header).check("anything")


def test_tokens_are_not_kept(secret: Path) -> None:
    callers = CallersFile(secret)
    callers.of(f"Bearer {OLD}")
    assert OLD not in str(vars(callers))


def test_a_token_is_replaced_by_overlap_without_a_restart(secret: Path, clock: Clock) -> None:
    callers = CallersFile(secret, clock)
    swap(secret, "second", f"recommender: {{tokens: {NEW}}}")
    assert callers.of(f"Bearer {OLD}").name == "recommender", "nobody looks again within a second"
    clock.seconds = 1.0
    assert callers.of(f"Bearer {NEW}").name == "recommender"
    for gone in (OLD, OTHER):
        with pytest.raises(Unauthorized):
            callers.of(f"Bearer {gone}")


def test_a_file_that_is_written_over_is_read_again_too(secret: Path, clock: Clock) -> None:
    callers = CallersFile(secret, clock)
    changed = FILE.replace("reporting", "reportage")
    assert len(changed) == len(FILE)
    secret.write_text(changed)
    os.utime(secret, ns=(1, 1))  # a file system's clock may be coarse
    clock.seconds = 1.0
    assert callers.of(f"Bearer {OTHER}").name == "reportage"


@pytest.mark.parametrize("content", [f"recommender: {{tokens: [{OTHER}", "", None])
def test_a_new_file_that_is_no_good_changes_nothing_and_is_told_once_without_its_content(
    secret: Path, clock: Clock, caplog: pytest.LogCaptureFixture, content: str | None
) -> None:
    caplog.set_level(logging.INFO)
    callers = CallersFile(secret, clock)
    if content is None:
        secret.unlink()
    else:
        swap(secret, "second", content)
    for clock.seconds in (1.0, 1.5, 2.0):
        assert callers.of(f"Bearer {OLD}").name == "recommender"
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert len(caplog.records) == (2 if content is None else 1), "a file that is gone is told at each look"
    assert "xxx" not in caplog.text
    assert "zzz" not in str([vars(record) for record in caplog.records])


def test_a_good_file_is_taken_after_one_that_was_none(secret: Path, clock: Clock) -> None:
    callers = CallersFile(secret, clock)
    swap(secret, "second", "{")
    clock.seconds = 1.0
    assert callers.of(f"Bearer {OLD}")
    swap(secret, "third", f"somebody: {{tokens: [{OTHER}]}}")
    clock.seconds = 2.0
    assert callers.of(f"Bearer {OTHER}") == Caller("somebody")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "names nobody"),
        ("[]", "names nobody"),
        ("{}", "names nobody"),
        ("\n{", "no YAML at line"),
        (f"a: {{tokens: {OLD}\nb: c: d", "no YAML at line 2"),
        (f"{OLD}: {{tokens: {OTHER}}}", "caller 1: a name is"),
        (f"1: {{tokens: {OTHER}}}", "caller 1: a name is"),
        (f"a: {OLD}", "caller 1 has `tokens`"),
        (f"a: {{tokens: {OTHER}}}\nb: {{tenants: [example]}}", "caller 2 has `tokens`"),
        (f"a: {{tokens: {OTHER}, {OLD}: 1}}", "caller 1 has `tokens`"),
        ("a: {tokens: []}", "openssl rand"),
        ("a: {tokens: [short-xxx]}", "32 printable"),
        (f"a: {{tokens: [{OLD}, 'with space {OLD}']}}", "32 printable"),
        ("a: {tokens: [" + "1" * 40 + "]}", "32 printable"),
        (f"a: {{tokens: {OLD}é}}", "32 printable"),
        (f"a: {{tokens: {OLD}, tenants: []}}", "`tenants` is a list"),
        (f"a: {{tokens: {OLD}, tenants: example}}", "`tenants` is a list"),
        (f"a: {{tokens: {OLD}}}\nb: {{tokens: {OLD}}}", "a token twice"),
    ],
)
def test_a_file_that_is_no_good_at_the_start_is_refused_in_words_that_hold_no_token(
    tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "callers.yaml"
    path.write_text(content)
    with pytest.raises(InvalidSettings, match="callers file") as refused:
        CallersFile(path)
    assert told in str(refused.value)
    assert "xxx" not in "".join(traceback.format_exception(refused.value)), "what a process that ends with it prints"


def test_a_file_that_is_not_there_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="No such file or directory; set OO_CALLERS to a file that exists"):
        CallersFile(tmp_path / "callers.yaml")
