"""The program that makes images: docker, podman or buildah, whichever is there and starts a container."""

import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from scripts.images.command import BuildFailed, run

Name = Literal["docker", "podman", "buildah"]


@dataclass(frozen=True, slots=True)
class ContainerTool:
    """One of the three, which differ in few words."""

    name: Name

    def output(self, base: str, *command: str) -> str:
        """What a command prints in a container of image `base`.

        Raises:
            BuildFailed: the image cannot be had, or the command failed in it.
        """
        if self.name != "buildah":
            first, *more = command
            options = ("run", "--rm", "--network=none", "--entrypoint", first)
            return run([self.name, *options, base, *more])
        container = run(["buildah", "from", base]).strip()
        try:
            return run(["buildah", "run", container, "--", *command])
        finally:
            run(["buildah", "rm", container])

    def build(self, context: Path, *, base: str, tag: str, labels: Mapping[str, str]) -> None:
        """Build the target of the context's Dockerfile that `tag` names, without a network.

        Raises:
            BuildFailed: it could not be built.
        """
        target = tag.rpartition("/")[2].partition(":")[0]
        words = [self.name, "build", "--network=none", f"--target={target}", f"--tag={tag}", f"--build-arg=BASE={base}"]
        words += [f"--label={label}={value}" for label, value in sorted(labels.items())]
        environment = dict(os.environ)
        if self.name == "docker":
            words += ["--build-arg=SOURCE_DATE_EPOCH=0"]
            # Otherwise an image is a list of two: itself, and how it was built, with the time.
            environment |= {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        else:
            words += ["--timestamp=0", "--layers=false", "--format=oci"]
        run([*words, str(context)], environment=environment)

    def export(self, tag: str, folder: Path) -> None:
        """Write an image into an empty folder, in the OCI image layout.

        Raises:
            BuildFailed: it could not be written, or not in that layout.
        """
        if self.name != "docker":
            run([self.name, "push", tag, f"oci:{folder}:{tag}"])
            return
        with TemporaryDirectory(dir=folder.parent) as scratch:
            saved = Path(scratch) / "saved.tar"
            run(["docker", "save", f"--output={saved}", tag])
            with tarfile.open(saved) as archive:
                archive.extractall(folder, filter="data")
        if not (folder / "index.json").exists():
            raise BuildFailed("this docker does not save images in the OCI layout; version 25 and later do")


def container_tool(asked: str | None, base: str) -> ContainerTool:
    """The one that is asked for, else the first that starts a container of image `base`.

    Nothing less tells: a podman answers `info` where the machine lets it start none.

    Raises:
        BuildFailed: it is none of the three, or none starts one; with what each said.
    """
    names: tuple[Name, ...] = get_args(Name)
    wanted = [name for name in names if asked in {None, "", name}]
    if not wanted:
        raise BuildFailed(f"CONTAINER_TOOL={asked} is none of {', '.join(names)}")
    said: list[str] = []
    for name in wanted:
        tool = ContainerTool(name)
        try:
            tool.output(base, "true")
        except BuildFailed as error:
            said.append(str(error))
        else:
            return tool
    told = "\n".join(said)
    raise BuildFailed(
        f"no images without a container tool that starts a container of BASE={base}:"
        f" install docker, podman or buildah, or name an image that can be had.\n{told}"
    )
