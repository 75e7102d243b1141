"""The images that were built: what is in them, what is not, and that they are the same when built again."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.images.__main__ import DEFAULT_BASE
from scripts.images.archive import Archive
from scripts.images.container_tool import container_tool
from scripts.images.recipe import IMAGES, ROOT
from scripts.images.tree import BILL, version
from tests.cluster.installation import IMAGES as FOLDER
from tests.cluster.installation import digest, staying

NAMES = [image.name for image in IMAGES]
SITE = "opt/oo/site/"
KNOWN_PTH: dict[str, str] = {}
"""Files that run code when Python starts, each with its reason. There is none."""
FOREIGN = re.compile(
    # Installers and compilers.
    r"bin/(pip[\d.]*|uv|apt|apt-get|gcc[\w.-]*|g\+\+[\w.-]*|cc|c\+\+|clang[\w.-]*|ld|as|make|go|rustc|cargo)$"
    r"|(site|dist)-packages/(pip|setuptools|uv)/|^opt/oo/site/(pip|setuptools|uv|wheel)/|\.whl$|(^|/)ensurepip/"
    # What a person or a tool leaves behind.
    r"|_history$|\.(netrc|npmrc|pypirc|git-credentials)$|(^|/)(pip\.conf|uv\.toml|\.env|\.git|\.docker|\.kube)(/|$)"
    r"|(^|/)id_(rsa|ecdsa|ed25519)$|^root/\.cache/|^var/lib/apt/lists/.*(Packages|Release)"
)
SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"
    rb"|\b(AKIA[0-9A-Z]{9}(?!EXAMPLE)[0-9A-Z]{7}|gh[pousr]_[A-Za-z0-9]{36}|xox[abpr]-\d+-[A-Za-z0-9-]{20,}|eyJhbGciOi[\w-]+\.[\w-]+\.[\w-]{20,})\b"
    rb"|--(extra-)?index-url[ =]https?://(?!pypi\.org)|\.building-"
)


@pytest.fixture(scope="module", params=NAMES)
def archive(request: pytest.FixtureRequest) -> Archive:
    return Archive(FOLDER / f"{request.param}.tar")


def name_of(archive: Archive) -> str:
    return archive.path.stem


def test_nobody_in_a_container_becomes_somebody_else(archive: Archive) -> None:
    assert [path for path, entry in archive.files.items() if entry.isfile() and entry.mode & 0o6000] == []
    assert archive.config["config"]["User"] == "1034:1034"


def test_only_root_could_change_what_is_run(archive: Archive) -> None:
    ours = {path: entry for path, entry in archive.files.items() if path.startswith(("opt/oo", "app"))}
    assert len(ours) > 1_000
    assert {(entry.uid, entry.gid) for entry in ours.values()} == {(0, 0)}
    assert {entry.mode & 0o777 for entry in ours.values() if not entry.issym()} <= {0o755, 0o644}


def test_there_is_no_installer_compiler_history_or_wheel(archive: Archive) -> None:
    assert [path for path in archive.files if FOREIGN.search(path)] == []


def test_every_file_that_runs_when_python_starts_is_known(archive: Archive) -> None:
    assert [path for path in archive.files if path.endswith(".pth") and Path(path).name not in KNOWN_PTH] == []
    assert [path for path in archive.files if re.match(r"(opt/oo/site|app)/(site|user)customize\.py$", path)] == []


def test_nothing_smells_of_a_secret_or_of_the_machine_that_built_it(archive: Archive) -> None:
    ours = {path for path, entry in archive.files.items() if entry.isfile() and path.startswith(("opt/oo", "app"))}
    texts = archive.read({path for path in ours if ".so" not in Path(path).name})
    found = {path: match[0][:80] for path, text in texts.items() if (match := SECRET.search(text))}
    assert found == {}
    indexes = (os.environ.get(name, "") for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"))
    told = json.dumps(archive.config)
    assert [index for index in indexes if index and index in told] == []


def test_an_image_says_where_it_comes_from(archive: Archive) -> None:
    labels: dict[str, str] = archive.config["config"]["Labels"]
    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert {name: told.get(name) for name in ("title", "version", "licenses")} == {
        "title": name_of(archive),
        "version": version(),
        "licenses": "Apache-2.0",
    }
    assert re.match(r"[0-9a-f]{7,40}(-changed)?$", told["revision"])
    assert archive.config["created"] == "1970-01-01T00:00:00Z"


def test_it_is_called_by_its_digest(archive: Archive) -> None:
    assert archive.reference == f"localhost/{name_of(archive)}@{digest(name_of(archive))}"


def test_its_bill_lists_exactly_what_is_installed(archive: Archive) -> None:
    files = archive.files
    (inside,) = archive.read({BILL}).values()
    beside = (FOLDER / f"{name_of(archive)}.sbom.cdx.json").read_bytes()
    assert inside == beside
    listed = {part["purl"] for part in json.loads(inside)["components"]}
    about = (re.match(rf"{SITE}([^/]+)-([^/-]+)\.dist-info/METADATA$", path) for path in files)
    installed = {f"pkg:pypi/{re.sub(r'[-_.]+', '-', found[1]).lower()}@{found[2]}" for found in about if found}
    assert len(installed) > 30
    assert {purl for purl in listed if purl.startswith("pkg:pypi/")} == installed
    assert len({purl for purl in listed if purl.startswith("pkg:deb/")}) > 50


def test_all_that_our_processes_import_is_compiled_to_be_run_as_it_is(archive: Archive) -> None:
    files = archive.files
    caches = [path for path in files if path.endswith(".pyc") and path.startswith(("opt/oo", "app"))]
    assert "app/oo/__pycache__/settings.cpython-311.pyc" in caches
    heads = {bytes(content[4:8]) for content in archive.read(set(caches)).values()}
    assert heads == {b"\x01\x00\x00\x00"}


def test_the_scorer_is_no_larger_than_was_promised() -> None:
    size = Archive(FOLDER / "oo-scorer.tar").size / 1e6
    print(f"{size:.0f} MB")
    assert size <= 350


def test_an_image_that_is_built_again_is_the_same(tmp_path: Path) -> None:
    """From the same files: `make images` comes right before these tests."""
    subprocess.run(
        [sys.executable, "-m", "scripts.images", "oo-consumers"],
        cwd=ROOT,
        env=os.environ | {"OO_IMAGES_DIR": str(tmp_path)},
        check=True,
    )
    first, again = Archive(FOLDER / "oo-consumers.tar"), Archive(tmp_path / "oo-consumers.tar")
    print(first.reference, again.reference)
    files = {path for path, entry in first.files.items() if entry.isfile()}
    assert again.files.keys() == first.files.keys()
    assert again.read(files) == first.read(files)
    # Docker alone lets the times of folders stand from which something was removed.
    if container_tool(os.environ.get("CONTAINER_TOOL"), os.environ.get("BASE") or DEFAULT_BASE).name != "docker":
        assert again.reference == first.reference


def test_it_is_told_how_long_each_pod_took_to_be_ready(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {}
    for pod in staying("--selector=app.kubernetes.io/name in (oo-scorer,oo-generator)"):
        seconds[pod["metadata"]["name"]] = seconds_to_ready(pod)
    assert len(seconds) >= 4
    with capsys.disabled():
        print("", *(f"{name}: {each:.0f} s from start to ready" for name, each in seconds.items()), sep="\n")


def seconds_to_ready(pod: dict[str, Any]) -> float:
    """From the start of a pod's container until its probe answered, in whole seconds as Kubernetes tells them."""
    (state,) = pod["status"]["containerStatuses"]
    ready = next(one for one in pod["status"]["conditions"] if one["type"] == "Ready")
    assert ready["status"] == "True"
    begun, ended = state["state"]["running"]["startedAt"], ready["lastTransitionTime"]
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
