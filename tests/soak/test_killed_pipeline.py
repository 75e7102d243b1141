"""The training pipeline killed in the middle of each step, and as each begins: run again, it ends as if undisturbed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from oo.local.settings import StackSettings
from oo.settings import PipelineSettings
from pipelines import local_run, runs
from tests.integration.training_places import AS_OF, State, digits_told, forget, running_places, state
from tests.soak.dying_step import STEPS, dies_at

PROJECT = Path(__file__).parents[2]
OUTPUTS = {
    "plan": ("planned",),
    "assemble": ("shard-0", "shard-1"),
    "merge": ("dataset",),
    "fit": ("candidate",),
    "judge": ("verdict",),
    "register": ("version",),
    "propose": (),
}
HALF_WRITTEN: dict[str, tuple[int, set[str]]] = {
    "plan": (0, set()),
    "assemble": (0, {"shard-0/begun.shard.parquet"}),
    "merge": (1, {"dataset/dataset.parquet", "dataset/dataset.json.unfinished"}),
    "fit": (1, {"candidate/model.onnx", "candidate/report.json"}),
    "judge": (0, {"verdict"}),
}
"""At which of its changes each step is killed, and the files that it leaves, half of the last one."""
REQUESTS = {"register": 11, "propose": 4}
"""How many requests of a step change something. Of the registration's, the first eight make the version: its run, its
four files, the run's end, the model's name, and the version itself. The verdict, its tag and the card come after."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineSettings]:
    with running_places(tmp_path_factory.mktemp("killed")) as settings, digits_told(settings, 600):
        yield settings


@pytest.fixture(scope="module")
def undisturbed(settings: PipelineSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, State]:
    """What a run that nobody disturbs has in its folder, and how it leaves everything else."""
    folder = tmp_path_factory.mktemp("undisturbed")
    forget(settings)
    run(settings, folder)
    return folder, state(settings)


def run(settings: PipelineSettings, folder: Path, first: str = "plan") -> None:
    """The pipeline to its end, over whatever is there, from one of its steps on."""
    names = list(STEPS)
    for name in names[names.index(first) :]:
        STEPS[name](settings, folder)


def before(step: str, undisturbed: Path, folder: Path) -> Path:
    """A folder with what the steps before this one leave."""
    folder.mkdir()
    for name in list(STEPS)[: list(STEPS).index(step)]:
        for output in OUTPUTS[name]:
            copy: Callable[..., object] = shutil.copytree if (undisturbed / output).is_dir() else shutil.copy
            copy(undisturbed / output, folder / output)
    return folder


def test_undisturbed_there_is_a_challenger_that_everything_tells_of(undisturbed: tuple[Path, State]) -> None:
    _, found = undisturbed
    assert [number for number, _ in found["versions"]] == [1, 2]
    assert found["aliases"] == {"challenger": 2, "champion": 1}
    assert found["history"] == [("champion", "1", "1"), ("challenger", "2", "1")]
    assert all(passed for _, passed in found["verdict"])
    assert found["tags"]["gates"] == "passed"
    assert found["card"][0] == ()


@pytest.mark.parametrize("step", HALF_WRITTEN)
def test_what_a_killed_step_has_half_written_is_written_again(
    step: str, undisturbed: tuple[Path, State], settings: PipelineSettings, tmp_path: Path
) -> None:
    done, wanted = undisturbed
    change, left = HALF_WRITTEN[step]
    folder = before(step, done, tmp_path / "run")
    there = files(folder)
    forget(settings)
    assert dies_at(change, step, settings, folder)
    assert files(folder) - there == left
    run(settings, folder)
    assert state(settings) == wanted


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("step", "change"),
    [
        *(("register", change) for change in (3, 7, 8, 9, 10, REQUESTS["register"])),
        *(("propose", change) for change in range(REQUESTS["propose"] + 1)),
    ],
)
def test_wherever_a_step_is_killed_between_two_requests_the_next_run_finishes_its_work(
    step: str, change: int, undisturbed: tuple[Path, State], settings: PipelineSettings, tmp_path: Path
) -> None:
    done, wanted = undisturbed
    folder = before(step, done, tmp_path / "run")
    forget(settings)
    if step == "propose":
        STEPS["register"](settings, folder)
    assert dies_at(change, step, settings, folder) == (change < REQUESTS[step])
    run(settings, folder, first="register")  # what comes before changes neither registry nor history
    assert state(settings) == wanted


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
    settings: PipelineSettings, undisturbed: tuple[Path, State], capsys: pytest.CaptureFixture[str]
) -> None:
    forget(settings)
    for name in STEPS:
        since = monotonic()
        killed_as_it_begins(name, settings)
        with capsys.disabled():
            print(f"\n  killed at {name} after {monotonic() - since:.0f} s", end="", flush=True)
    outcome = runs.train(settings, runs.Training("digits@1", AS_OF, seed=4, shards=2))
    assert outcome.proposed, outcome.sentences
    assert state(settings) == undisturbed[1]


def test_the_promotion_runs_from_any_folder(
    settings: PipelineSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(settings)
    monkeypatch.chdir(tmp_path)
    stack = StackSettings.on_free_ports(tmp_path)
    told = runs.promote(settings, stack, "digits")
    assert told == "holds: No version of digits is being rolled out; propose one."
