"""Builds the container images into .images: `python -m scripts.images [NAME…]`. images/README.md tells of it."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from oo.errors import OOError
from scripts.images import finish
from scripts.images.archive import Archive, archived
from scripts.images.base import Base, ask
from scripts.images.command import BuildFailed, run
from scripts.images.container_tool import ContainerTool, container_tool
from scripts.images.recipe import IMAGES, ROOT, Image
from scripts.images.tree import BILL, lay_out, version

DEFAULT_BASE = "python:3.11-slim-bookworm"
_MB = 1e6


def main(names: Sequence[str]) -> None:
    """Build the named images, all when none is named.

    Raises:
        BuildFailed: one could not be built; says why.
    """
    if unknown := set(names) - {image.name for image in IMAGES}:
        raise BuildFailed(f"no such image: {', '.join(sorted(unknown))}")
    folder = Path(os.environ.get("OO_IMAGES_DIR") or ROOT / ".images")
    folder.mkdir(parents=True, exist_ok=True)
    name = os.environ.get("BASE") or DEFAULT_BASE
    tool = container_tool(os.environ.get("CONTAINER_TOOL"), name)
    base = ask(tool, name)
    print(f"{tool.name}, from {name}: Python {base.python}, {base.platform}")  # noqa: T201  # to the person who asked
    for image in IMAGES:
        if not names or image.name in names:
            started = time.monotonic()
            build(image, tool, name, base, folder)
            archive = Archive(folder / f"{image.name}.tar")
            told = f"{archive.size / _MB:.0f} MB unpacked, built in {time.monotonic() - started:.0f} s"
            print(f"{archive.reference}: {told}")  # noqa: T201  # the same


def build(image: Image, tool: ContainerTool, base_name: str, base: Base, folder: Path) -> None:
    """Build an image, and write NAME.tar, NAME.digest and NAME.sbom.cdx.json into the folder.

    Raises:
        BuildFailed: it could not be built; says why.
    """
    with TemporaryDirectory(dir=folder, prefix=".building-") as name:
        scratch = Path(name)
        context = scratch / "context"
        (context / "root").mkdir(parents=True)
        shutil.copyfile(ROOT / "images" / "Dockerfile", context / "Dockerfile")
        shutil.copyfile(str(finish.__file__), context / "finish.py")
        lay_out(image, base, context / "root", scratch)
        archived(tool, context, f"localhost/{image.name}:{version()}", base_name, labels(image), folder)
        shutil.copyfile(context / "root" / BILL, folder / f"{image.name}.sbom.cdx.json")


def labels(image: Image) -> dict[str, str]:
    """What an image says of where it comes from; its licence stands in the Dockerfile.

    Raises:
        BuildFailed: git does not tell the commit, and neither does REVISION.
    """
    told = {"title": image.name, "version": version(), "revision": os.environ.get("REVISION") or _revision()}
    if source := os.environ.get("SOURCE"):
        told["source"] = source
    return {f"org.opencontainers.image.{label}": value for label, value in told.items()}


def _revision() -> str:
    """The commit, marked where the working tree is not it."""
    try:
        commit = run(["git", "rev-parse", "HEAD"], cwd=ROOT).strip()
        changed = run(["git", "--no-optional-locks", "status", "--porcelain"], cwd=ROOT).strip()
    except BuildFailed as error:
        raise BuildFailed(f"name the commit: make images REVISION=…; git did not tell it: {error}") from error
    return f"{commit}-changed" if changed else commit


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OOError as error:
        sys.exit(str(error))
