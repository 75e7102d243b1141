"""What images promise, as far as it shows without building one: tests/cluster looks into those that were built."""

import json
import re
import tarfile
from io import BytesIO
from pathlib import Path
from typing import get_args

import pytest
import yaml

from scripts.images.archive import Archive, pack
from scripts.images.command import BuildFailed
from scripts.images.container_tool import ContainerTool, Name, container_tool
from scripts.images.recipe import IMAGES, ROOT, Image
from scripts.images.tree import requirements

DOCKERFILE = (ROOT / "images" / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    " ".join(line.split())
    for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    if line and not line.startswith("#")
]


def program(folder: Path, name: str, script: str) -> None:
    """A program of this name that does what the script says."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all programs that there are."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_each_image_is_a_target_that_starts_a_program_without_a_shell(image: Image) -> None:
    _, stage = re.split(rf"(?m)^FROM runtime AS {image.name}$", DOCKERFILE)
    entrypoint = re.search(r"(?m)^ENTRYPOINT (.*)$", stage.partition("FROM ")[0])
    assert entrypoint
    assert json.loads(entrypoint[1])[:2] == ["python3", "-m"]


def test_every_image_runs_as_a_user_by_number() -> None:
    assert [line for line in INSTRUCTIONS if line.startswith("USER")] == ["USER 1034:1034"]
    runtime = INSTRUCTIONS.index("FROM ${BASE} AS runtime")
    assert INSTRUCTIONS.index("USER 1034:1034") > runtime
    assert all(INSTRUCTIONS.index(f"FROM runtime AS {image.name}") > runtime for image in IMAGES)


def test_nothing_in_a_build_asks_a_network_or_leaves_an_installer_behind() -> None:
    asks = r"https?://|\b(pip|uv|curl|wget|apt|apt-get) (install|update|-)|^ADD"
    assert not re.search(asks, DOCKERFILE, re.MULTILINE)


def test_the_dockerfile_is_one_that_docker_podman_and_buildah_read_alike() -> None:
    assert not re.search(r"# ?syntax=|--mount|--link|--chmod|--parents|<<", DOCKERFILE)


def test_images_switch_off_the_same_telemetry_as_the_makefile() -> None:
    switches = re.findall(r"(?m)^export (\w+) := (\w+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    (environment,) = (line for line in INSTRUCTIONS if line.startswith("ENV PYTHONPATH"))
    assert len(switches) >= 5
    assert [f"{name}={value}" for name, value in switches if f"{name}={value}" not in environment.split()] == []


@pytest.mark.parametrize("image", [image for image in IMAGES if image.bento], ids=lambda image: image.name)
def test_an_image_has_the_packages_of_its_bento(image: Image) -> None:
    bento = yaml.safe_load((ROOT / f"bentos/{image.bento}/bentofile.yaml").read_text(encoding="utf-8"))
    assert bento["python"]["requirements_txt"] == f"requirements/{image.lock}"
    assert bento["labels"]["app"] == image.name


def test_a_package_is_left_out_with_its_hashes_and_only_where_the_lock_has_it() -> None:
    head, other = "# made by a tool\n", "one-more==2 ; x == 'y' \\\n    --hash=sha256:bb\n"
    lock = f"{head}one==1 \\\n    --hash=sha256:aa\n    # via two\n{other}"
    assert requirements(lock, frozenset({"one"})) == head + other
    with pytest.raises(BuildFailed, match="the lock has no three"):
        requirements(lock, frozenset({"three"}))


def test_the_first_tool_that_starts_a_container_is_taken(programs: Path) -> None:
    program(programs, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    program(programs, "podman", "[ $1 = info ] && exit; echo 'setting rlimits: operation not permitted' >&2; exit 126")
    program(programs, "buildah", "exit 0")
    assert container_tool(None, "a-base:1") == ContainerTool("buildah")
    with pytest.raises(BuildFailed, match="Cannot connect to the Docker daemon"):
        container_tool("docker", "a-base:1")
    with pytest.raises(BuildFailed, match=r"BASE=a-base:1: install (.|\n)*operation not permitted"):
        container_tool("podman", "a-base:1")


def test_without_a_tool_it_is_said_which_ones_would_do(programs: Path) -> None:
    assert programs.exists()
    with pytest.raises(
        BuildFailed, match=r"install docker, podman or buildah(.|\n)*podman cannot be run: No such file"
    ):
        container_tool("", "a-base:1")
    with pytest.raises(BuildFailed, match="CONTAINER_TOOL=kaniko is none of docker, podman, buildah"):
        container_tool("kaniko", "a-base:1")


@pytest.mark.parametrize("name", get_args(Name))
def test_a_build_is_given_no_network_and_no_time(programs: Path, name: Name) -> None:
    program(programs, name, f'echo "$@" > {programs}/asked')
    tool = ContainerTool(name)
    tool.build(programs, base="a-base:1", tag="localhost/oo-scorer:2", labels={"b": "2", "a": "1"})
    asked = (programs / "asked").read_text().split()
    assert {"--network=none", "--build-arg=BASE=a-base:1", "--target=oo-scorer"} <= set(asked)
    assert asked.index("--label=a=1") < asked.index("--label=b=2")
    assert {"--build-arg=SOURCE_DATE_EPOCH=0", "--timestamp=0"} & set(asked)


def layer(files: dict[str, bytes]) -> bytes:
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return written.getvalue()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An image of two layers, of which the second changes a file of the first and removes others."""
    folder = tmp_path / "layout"
    blobs = {
        "base": layer(
            {"etc/kept": b"1", "etc/changed": b"22", "etc/removed": b"333", "var/one": b"", "var/sub/two": b""}
        ),
        "ours": layer({"./etc/changed": b"55555", "etc/.wh.removed": b"", "var/.wh..wh..opq": b"", "var/new": b""}),
        "config": json.dumps({"config": {"User": "1034:1034"}}).encode(),
    }
    described = {name: {"digest": f"sha256:{name}", "size": len(blob)} for name, blob in blobs.items()}
    manifest = {"config": described["config"], "layers": [described["base"], described["ours"]]}
    index = {"schemaVersion": 2, "manifests": [{"digest": "sha256:manifest", "annotations": {"by": "a tool"}}]}
    (folder / "blobs/sha256").mkdir(parents=True)
    for name, blob in {**blobs, "manifest": json.dumps(manifest).encode()}.items():
        (folder / "blobs/sha256" / name).write_bytes(blob)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_an_archive_names_its_image_by_digest_and_is_the_same_each_time(layout: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.tar", tmp_path / "second.tar"
    assert pack(layout, "localhost/oo-scorer", first) == "sha256:manifest"
    (layout / "oo-scorer.tmp").write_text("of no image")
    pack(layout, "localhost/oo-scorer", second)
    assert Archive(first).reference == "localhost/oo-scorer@sha256:manifest"
    assert first.read_bytes() == second.read_bytes()


def test_an_archive_shows_what_a_container_would_see(layout: Path, tmp_path: Path) -> None:
    pack(layout, "localhost/oo-scorer", tmp_path / "image.tar")
    archive = Archive(tmp_path / "image.tar")
    assert archive.config["config"]["User"] == "1034:1034"
    assert archive.size == 6 + 5
    assert sorted(archive.files) == ["etc/changed", "etc/kept", "var/new"]
    assert archive.read({"etc/changed", "etc/kept", "etc/absent"}) == {"etc/changed": b"55555", "etc/kept": b"1"}
