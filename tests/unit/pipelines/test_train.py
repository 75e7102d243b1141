from typing import Any

import pytest
import yaml
from kfp import compiler  # type: ignore[import-untyped]  # KFP ships no types

from pipelines.train import training


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("compiled") / "train.yaml"
    compiler.Compiler().compile(training, str(path))
    compiled: dict[str, Any] = yaml.safe_load(path.read_text())["root"]["dag"]["tasks"]
    return compiled


def test_the_steps_stand_in_order(tasks: dict[str, Any]) -> None:
    after = {name: set(task.get("dependentTasks", [])) for name, task in tasks.items()}
    assert after == {
        "assemble": set(),
        "fit": {"assemble"},
        "register": {"assemble", "fit"},
        "judge": {"assemble", "register"},
    }


@pytest.mark.parametrize("step", ["assemble", "register", "judge"])
def test_what_reads_or_changes_the_world_is_never_cached(tasks: dict[str, Any], step: str) -> None:
    assert "enableCache" not in tasks[step].get("cachingOptions", {})
    assert tasks["fit"]["cachingOptions"]["enableCache"]
