"""Runs on a server that is a stand-in (`kfp_server.py`), since no Kubeflow Pipelines server can be installed here.

What it is asked, `kfp.Client` asks by itself; what it tells of a run has the form of the API's own models.
"""

import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from oo.cli import app
from oo.errors import PipelineFailed
from pipelines import remote_run
from tests.training_data import CATALOG
from tests.unit.pipelines.kfp_server import API, RUN, KfpServer, look, serving

DONE = "SUCCEEDED"
STEPS = ["plan", "assemble", "assemble", "merge", "fit", "judge", "register", "propose"]
BEGUN = (("root-driver", DONE), ("root", "RUNNING"), ("plan-driver", DONE), ("plan", DONE), ("executor", DONE))
LOOP = (*BEGUN, ("for-loop-1", "RUNNING"), ("iteration-driver", DONE), ("assemble", DONE), ("assemble", "RUNNING"))
BROKEN = "it answered 500 Internal Server Error"
ALL = (*LOOP, *((step, DONE) for step in STEPS[3:]))


def test_a_run_tells_each_step_once_in_its_order_and_returns_its_id() -> None:
    steps: list[str] = []
    slept: list[float] = []
    looks = [look("PENDING"), look("RUNNING", *BEGUN), look("RUNNING", *LOOP), look("RUNNING", *LOOP), look(DONE, *ALL)]
    with serving(KfpServer(looks)) as server:
        asked = {"feature_service": "digits@1", "seed": 4}
        assert remote_run.run(server.url, "train", asked, steps.append, sleep=slept.append) == RUN
    assert steps == STEPS
    assert len(slept) == 4
    sent = server.sent
    assert sent["runtime_config"]["parameters"] == asked
    executors = sent["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
    assert set(executors) == {f"exec-{step}" for step in STEPS}
    assert sent["pipeline_spec"]["platform_spec"]["platforms"], "it runs without its secrets"


def test_a_run_that_fails_names_the_step_that_did_and_not_the_one_that_began_last() -> None:
    tasks = (*BEGUN, ("assemble", "FAILED"), ("assemble", DONE))
    with serving(KfpServer([look("FAILED", *tasks)])) as server, pytest.raises(PipelineFailed) as failure:
        remote_run.run(server.url, "train", {}, lambda _: None)
    assert str(failure.value) == f"run {RUN} at {server.url} has failed, at step 'assemble'; look there"


@pytest.mark.parametrize(("tasks", "step"), [(BEGUN, "plan"), ((), "start")])
def test_a_run_that_is_cancelled_names_the_last_step(tasks: tuple[tuple[str, str], ...], step: str) -> None:
    with (
        serving(KfpServer([look("CANCELED", *tasks)])) as server,
        pytest.raises(PipelineFailed, match=f"has canceled, at step '{step}'; look there"),
    ):
        remote_run.run(server.url, "train", {}, lambda _: None)


def refused(host: str) -> str:
    """The sentence of a run that cannot be."""
    with pytest.raises(PipelineFailed) as failure:
        remote_run.run(host, "promote", {"model": "digits"}, lambda _: None)
    said = str(failure.value)
    assert "\n" not in said
    return said


def test_a_server_that_is_not_there_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        host = f"http://127.0.0.1:{held.getsockname()[1]}"
    said = refused(host)
    assert said.startswith(f"the Kubeflow Pipelines server at {host} cannot be asked: ")
    assert said.endswith("Connection refused; is it running?")
    assert not caplog.messages[3:], "urllib3 tells of its three tries, and nobody else of anything"


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_a_server_that_answers_500_is_a_sentence_at_once(
    answered: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(KfpServer(fails_from=answered)) as server:
        said = refused(server.url)
    assert said == f"the Kubeflow Pipelines server at {server.url} cannot be asked: {BROKEN}"
    assert len(server.asked) == answered + 1
    assert capfd.readouterr() == ("", "")
    assert not caplog.messages


def test_a_server_that_falls_silent_during_a_run_leaves_its_id() -> None:
    with serving(KfpServer([look("RUNNING")], fails_from=4)) as server:
        said = refused(server.url)
    assert server.asked[-1] == f"GET {API}/runs/{RUN}"
    assert said == f"run {RUN} may go on, and the server at {server.url} tells nothing of it: {BROKEN}"


def test_an_address_without_its_scheme_is_refused_before_anything_is_asked() -> None:
    assert refused("127.0.0.1:8888") == "127.0.0.1:8888 is no address of a server; begin it with http:// or https://"


def oo(folder: Path, *arguments: str) -> Result:
    catalog = folder / "catalog.yaml"
    catalog.write_text(yaml.safe_dump(CATALOG.model_dump(mode="json", exclude_none=True)))
    (folder / "digits.md").write_text("# digits\n\n## Owners\n\nUs.\n")
    environment = {"COLUMNS": "200", "OO_CATALOG": str(catalog), "OO_MODEL_CARDS": str(folder)}
    return CliRunner(env=environment).invoke(app, ["pipeline", "run", *arguments])


def test_the_command_sends_what_it_was_asked_for_with_the_card_and_tells_the_steps(tmp_path: Path) -> None:
    with serving(KfpServer([look(DONE, *ALL)])) as server:
        told = oo(tmp_path, "train", "digits@1", "--shards", "2", "--seed", "4", "--host", server.url)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"run {RUN} has succeeded; `oo model list` shows what there is now\n"
    assert [line.split()[0] for line in told.stderr.splitlines() if " s " in line] == STEPS
    sent = server.sent["runtime_config"]["parameters"]
    assert {name: sent[name] for name in ("feature_service", "shards", "seed", "table_version")} == {
        "feature_service": "digits@1",
        "shards": 2,
        "seed": 4,
        "table_version": -1,
    }
    assert sent["as_of"].endswith("+00:00")
    assert "## Owners" in sent["card"]


def test_the_command_ends_with_1_and_the_failed_step(tmp_path: Path) -> None:
    with serving(KfpServer([look("FAILED", *BEGUN, ("merge", "FAILED"))])) as server:
        told = oo(tmp_path, "train", "digits@1", "--host", server.url)
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "at step 'merge'; look there" in told.stderr


@pytest.mark.parametrize(
    ("asked", "taught"),
    [
        ((), ("train", "promote", "--host", "run it again, and what was done stays")),
        (("train",), ("tips@1", "--snapshot", "--shards", "--seed", "--host", "oo rollout advance")),
    ],
)
def test_the_help_teaches(asked: tuple[str, ...], taught: tuple[str, ...], tmp_path: Path) -> None:
    told = oo(tmp_path, *asked, "--help")
    assert told.exit_code == 0
    said = " ".join(told.stdout.split())
    assert [part for part in taught if part not in said] == []
