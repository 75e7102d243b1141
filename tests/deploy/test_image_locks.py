"""What a process imports is in its image: tried with all packages hidden that the image's lock does not have."""

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions, packages_distributions

import pytest

from scripts.images.recipe import IMAGES, ROOT, Image
from scripts.images.tree import requirements

_IMPORT = """
import importlib, sys
from importlib.machinery import PathFinder

hidden, modules = sys.argv[1].split(","), sys.argv[2].split(",")

class Image(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if any(name == one or name.startswith(f"{one}.") for one in hidden):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [Image if finder is PathFinder else finder for finder in sys.meta_path]
for module in modules:
    importlib.import_module(module)
if "oo.wiring.traffic" in modules:
    from oo.settings import PipelineSettings, read
    from oo.cli.surroundings import pipeline_settings
    importlib.import_module("oo.wiring.traffic").model_traffic(read(PipelineSettings, {"OO_TRAFFIC": "helm"}))
    pipeline_settings()
"""
PROCESSES = {
    "oo-scorer": (
        "bentos.scorer.service",
        "oo.wiring.scorer",
        "oo.registry.mlflow_registry",
        "_bentoml_impl.worker.service",
    ),
    "oo-generator": ("bentos.generator.service", "oo.wiring.generator", "_bentoml_impl.worker.service"),
    "oo-consumers": tuple(f"consumers.{name}" for name in ("archive", "rewards", "signals")),
    "oo-pipelines": (
        "oo.cli",
        *(f"oo.wiring.{name}" for name in ("baking", "bootstrap", "cards", "erasure", "lineage", "rollout", "traffic")),
        *(f"oo.wiring.steps.{name}" for name in ("advance", "assemble", "fit", "judge", "propose", "register")),
        "oo.wiring.tenant_rollout",
        *(f"pipelines.{name}" for name in ("promote", "remote_run", "runs", "train")),
    ),
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(image: Image) -> set[str]:
    text = requirements((ROOT / "requirements" / image.lock).read_text(encoding="utf-8"), image.without)
    return {normal(name) for name in re.findall(r"(?m)^([A-Za-z0-9][\w.-]*)==", text)}


def hidden(image: Image) -> Sequence[str]:
    """What cannot be imported there: top-level modules of other packages, and those of a shared one's other parts."""
    there = locked(image) | {"oo-ml"}
    tops = [name for name, owners in packages_distributions().items() if not there & set(map(normal, owners))]
    return [*tops, "google.auth", "google.oauth2"] if "google-auth" not in there else tops


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_all_that_a_process_imports_is_in_its_image(image: Image) -> None:
    ran = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", _IMPORT, ",".join(hidden(image)), ",".join(PROCESSES[image.name])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_no_package_of_an_image_runs_code_when_python_starts(image: Image) -> None:
    there = locked(image)
    found = [
        f"{one.name}: {file}"
        for one in distributions()
        if normal(one.name) in there
        for file in one.files or ()
        if file.suffix == ".pth"
    ]
    assert found == []  # name one here, with its reason, when it is known and harmless
