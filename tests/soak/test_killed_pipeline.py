"""The training pipeline on KFP's own runner, all of its processes killed as each step begins, then run to its end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from oo.local.settings import StackSettings
from oo.settings import PipelineSettings
from pipelines import local_run, runs
from tests.integration.dying_step import STEPS
from tests.integration.training_places import AS_OF, digits_told, forget, running_places, state

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineSettings]:
    with running_places(tmp_path_factory.mktemp("killed")) as settings, digits_told(settings, 600):
        yield settings


def killed_as_it_begins(step: str, settings: PipelineSettings) -> None:
    """Begin a run, and kill all of its processes at the first word of this step."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.soak.training_run"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=PROJECT,
        env=os.environ | local_run.variables((settings,)),
        start_new_session=True,
    ) as process:
        begun = next((line for line in process.stdout or () if line.strip() == step), None)
        os.killpg(process.pid, signal.SIGKILL)
    assert begun is not None, f"the run ended before {step}"
    assert process.returncode == -signal.SIGKILL


def test_a_run_that_is_killed_at_every_step_in_turn_ends_as_one_that_nobody_disturbed(
    settings: PipelineSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget(settings)
    for step in STEPS.values():
        step(settings, tmp_path)
    undisturbed = state(settings)
    assert undisturbed["aliases"] == {"challenger": 2, "champion": 1}

    forget(settings)
    for name in STEPS:
        since = monotonic()
        killed_as_it_begins(name, settings)
        with capsys.disabled():
            print(f"\n  killed at {name} after {monotonic() - since:.0f} s", end="", flush=True)
    outcome = runs.train(settings, runs.Training("digits@1", AS_OF, seed=4, shards=2))
    assert outcome.proposed, outcome.sentences
    assert state(settings) == undisturbed


def test_the_promotion_runs_from_any_folder(
    settings: PipelineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(settings)
    monkeypatch.chdir(tmp_path)
    stack = StackSettings.on_free_ports(tmp_path)
    told = runs.promote(settings, stack, "digits")
    assert told == "holds: No version of digits is being rolled out; propose one."
