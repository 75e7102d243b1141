"""What an image adds to its base, laid out below a folder as it will lie below the image's root."""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packageurl import PackageURL

from scripts.images.base import Base
from scripts.images.bill import bill
from scripts.images.command import BuildFailed, run
from scripts.images.finish import APP, SITE
from scripts.images.recipe import ROOT, SOURCE_ONLY, Image

BILL = "opt/oo/sbom.cdx.json"
_HELM = "usr/local/bin/helm"
_MACHINES = {b"\x3e\x00": "x86_64", b"\xb7\x00": "aarch64"}
"""Of a Linux program, by two bytes of its head."""


def version() -> str:
    """The project's version."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(told["project"]["version"])


def lay_out(image: Image, base: Base, root: Path, scratch: Path) -> None:
    """Write all that the image adds to its base below `root`.

    Args:
        image: which.
        base: what it starts from, which decides about wheels.
        root: an empty folder.
        scratch: a folder for what is needed meanwhile.

    Raises:
        BuildFailed: a part is missing or could not be made; says which.
    """
    app = root / APP
    if image.bento:
        shutil.copytree(_bento(image.bento, scratch) / "src", app)
    for folder, place in image.folders.items():
        if not (ROOT / folder).is_dir():
            raise BuildFailed(f"{image.name} needs the folder {folder}, which is not there")
        shutil.copytree(ROOT / folder, app / place, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    # A bento lists its packages too: as in this lock, and BentoML a second time without a hash.
    _install(ROOT / "requirements" / image.lock, image.without, base, root / SITE, scratch)
    programs = {"helm": _helm(base, root / _HELM)} if image.helm else {}
    text = bill(image.name, version(), root / SITE, base, programs)
    (root / BILL).write_text(text, encoding="utf-8")


def requirements(lock: str, without: frozenset[str]) -> str:
    """A lock file's text without some of its packages.

    Raises:
        BuildFailed: it has none of a name, so that leaving it out is an error.
    """
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    names = [re.split(r"[\s=;\[]", entry, maxsplit=1)[0] for entry in entries]
    if missing := without - set(names):
        raise BuildFailed(f"the lock has no {', '.join(sorted(missing))}; take it out of the recipe's `without`")
    return "".join(entry for name, entry in zip(names, entries, strict=True) if name not in without)


def unpack(base: Base, site: Path, wanted: Sequence[str | Path]) -> None:
    """Unpack wheels that fit the base into a folder.

    Args:
        base: what an image starts from.
        site: the folder.
        wanted: which, as `uv pip install` reads it.

    Raises:
        BuildFailed: one cannot be had, or is not what its hash says.
    """
    major, minor, _ = base.python.split(".")
    options = ("--target", site, "--python-version", f"{major}.{minor}", "--python-platform", base.platform)
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--python", sys.executable)
    run([*uv, *options, "--only-binary", ":all:", *wanted], cwd=ROOT)


def _bento(service: str, scratch: Path) -> Path:
    """The folder of the service's bento, built from the working tree."""
    home = scratch / "bentoml"
    run(
        [sys.executable, "-m", "bentoml", "build", "-f", f"bentos/{service}/bentofile.yaml", "--version", "image", "."],
        cwd=ROOT,
        environment=os.environ | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"},
    )
    (built,) = home.glob("bentos/*/image")
    return built


def _install(lock: Path, without: frozenset[str], base: Base, site: Path, scratch: Path) -> None:
    """The packages of a lock that fit the base, each checked against its hash, and the project's own name and version.

    They are put in place here and not in the build: so that asks no network, no address of an index gets into it, and
    the base needs no installer.
    """
    wanted = scratch / "requirements.txt"
    wanted.write_text(requirements(lock.read_text(encoding="utf-8"), without), encoding="utf-8")
    hashed = ("--no-deps", "--require-hashes", "--no-binary", SOURCE_ONLY)
    unpack(base, site, [*hashed, "-r", wanted, "--build-constraints", ROOT / "images" / "build.txt"])
    about = site / f"oo_ml-{version()}.dist-info"
    about.mkdir()
    text = f"Metadata-Version: 2.4\nName: oo-ml\nVersion: {version()}\nLicense-Expression: Apache-2.0\n"
    (about / "METADATA").write_text(text, encoding="utf-8")


def _helm(base: Base, place: Path) -> PackageURL:
    """Helm's command, from this machine."""
    asked = os.environ.get("HELM") or shutil.which("helm") or "helm"
    helm = Path(asked)
    try:
        with helm.open("rb") as program:
            head = program.read(20)
    except OSError as error:
        raise BuildFailed(
            f"oo-pipelines needs Helm 4, and {asked} cannot be read; put it on the PATH (helm.sh/docs/intro/install),"
            " or name it: make images HELM=/path/to/helm"
        ) from error
    if head[:4] != b"\x7fELF" or _MACHINES.get(head[18:20]) != base.machine:
        raise BuildFailed(f"{asked} is no Linux program for {base.machine}; name one: make images HELM=/path/to/helm")
    place.parent.mkdir(parents=True)
    shutil.copyfile(helm, place)
    place.chmod(0o755)
    told = run([helm, "version", "--template", "{{.Version}}"])
    if not told.startswith("v4."):
        raise BuildFailed(
            f"{asked} is {told.strip()}; a rollout moves traffic with flags of Helm 4: HELM=/path/to/helm"
        )
    return PackageURL("golang", "helm.sh/helm", told.split(".")[0].strip(), told.strip())
