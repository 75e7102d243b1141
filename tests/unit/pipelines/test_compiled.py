"""What the compiled pipelines are: their order, their rights, and that the files in manifests/kfp are of today."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "manifests" / "kfp"
WRITTEN = {str(path.relative_to(FOLDER)): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
COMPILED = {name: list(yaml.safe_load_all(text)) for name, text in WRITTEN.items()}
STEPS = {
    "train.yaml": {"plan", "assemble", "merge", "fit", "judge", "register", "propose"},
    "promote.yaml": {"advance"},
}


def tasks(file: str) -> dict[str, Any]:
    """The steps by name, those of a loop too."""
    spec = COMPILED[file][0]
    found = dict(spec["root"]["dag"]["tasks"])
    for component in spec["components"].values():
        found |= component.get("dag", {}).get("tasks", {})
    return {name: task for name, task in found.items() if not name.startswith("for-loop")}


def test_the_files_are_those_of_the_code() -> None:
    kfp_manifests = import_module("scripts.kfp_manifests")  # here: KFP takes seconds, and every worker collects
    assert kfp_manifests.documents() == WRITTEN, "run `make pipelines`"


def test_the_steps_stand_in_order() -> None:
    after = {name: set(task.get("dependentTasks", [])) for name, task in tasks("train.yaml").items()}
    assert after == {
        "plan": set(),
        "assemble": set(),
        "merge": {"for-loop-1"},
        "fit": {"merge"},
        "judge": {"fit", "merge"},
        "register": {"fit", "judge", "merge"},
        "propose": {"judge", "register"},
    }


@pytest.mark.parametrize("file", STEPS)
def test_no_step_is_taken_from_a_cache_and_each_is_tried_again(file: str) -> None:
    found = tasks(file)
    assert set(found) == STEPS[file]
    for task in found.values():
        assert "enableCache" not in task.get("cachingOptions", {})
        assert task["retryPolicy"]["maxRetryCount"] == 2


@pytest.mark.parametrize("file", STEPS)
def test_every_step_runs_as_nobody_within_bounds_and_gets_passwords_from_a_secret(file: str) -> None:
    spec, platform = COMPILED[file]
    executors = spec["deploymentSpec"]["executors"]
    settings = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(executors) == set(settings) == {f"exec-{step}" for step in STEPS[file]}
    for name, executor in executors.items():
        container = executor["container"]
        assert {"resourceMemoryRequest", "resourceMemoryLimit", "resourceCpuRequest"} <= set(container["resources"])
        assert not container["image"].endswith("latest")
        assert "pip install" not in " ".join(container["command"]), "a step installs nothing when it starts"
        assert settings[name]["securityContext"]["runAsNonRoot"]
        wanted, possible = settings[name]["secretAsEnv"]
        assert {one["envVar"] for one in wanted["keyToEnv"]} == {"OO_NATS_URL", "OO_TIP_SCORES_URL"}
        assert {one["envVar"] for one in possible["keyToEnv"]} == {"OO_NATS_PASSWORD", "OO_NATS_USER"}
        assert possible["optional"]


@pytest.mark.parametrize("name", ["train", "promote"])
def test_as_resources_they_are_a_pipeline_and_its_version(name: str) -> None:
    pipeline, version = COMPILED[f"resources/{name}.yaml"]
    assert (pipeline["kind"], pipeline["metadata"]["name"]) == ("Pipeline", name)
    assert (version["kind"], version["spec"]["pipelineName"]) == ("PipelineVersion", name)
    assert version["spec"]["pipelineSpec"] == COMPILED[f"{name}.yaml"][0]
