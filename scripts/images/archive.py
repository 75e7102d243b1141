"""An image as one file: the OCI image layout in a tar archive, which clusters and tools load.

A container runtime finds an image under the names of its archive alone. A pod that asks for one by digest, such as
`localhost/oo-scorer@sha256:…`, gets it where just that is a name; so the archive has it, where containerd looks.
"""

import json
import tarfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from scripts.images.container_tool import ContainerTool

_INDEX = "index.json"
_CONTAINERD_NAME = "io.containerd.image.name"
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


def archived(  # noqa: PLR0913, PLR0917  # what a build takes
    tool: ContainerTool, context: Path, tag: str, base: str, labels: Mapping[str, str], folder: Path
) -> None:
    """Build the target of a context's Dockerfile that `tag` names; write NAME.tar and NAME.digest into the folder.

    Raises:
        BuildFailed: it could not be built; says why.
    """
    repository = tag.rpartition(":")[0]
    name = repository.rpartition("/")[2]
    tool.build(context, base=base, tag=tag, labels=labels)
    with TemporaryDirectory(dir=folder, prefix=".archiving-") as scratch:
        layout, archive = Path(scratch) / "layout", Path(scratch) / "image.tar"
        layout.mkdir()
        tool.export(tag, layout)
        digest = pack(layout, repository, archive)
        (folder / f"{name}.digest").write_text(f"{digest}\n", encoding="utf-8")
        archive.replace(folder / f"{name}.tar")


def pack(layout: Path, repository: str, archive: Path) -> str:
    """Pack an image's layout into an archive under its name by digest, and return the digest.

    The same layout gives the same archive.

    Args:
        layout: the folder.
        repository: the image's name without tag or digest, such as `localhost/oo-scorer`.
        archive: the file to write.
    """
    index = json.loads((layout / _INDEX).read_bytes())
    (manifest,) = index["manifests"]
    digest = str(manifest["digest"])
    manifest.setdefault("annotations", {})[_CONTAINERD_NAME] = f"{repository}@{digest}"
    (layout / _INDEX).write_text(json.dumps(index), encoding="utf-8")
    kept = [layout / "oci-layout", layout / _INDEX, *sorted((layout / "blobs").rglob("*"))]
    with tarfile.open(archive, "w") as packed:
        for path in kept:
            if path.is_file():
                member = tarfile.TarInfo(str(path.relative_to(layout)))
                member.size = path.stat().st_size
                with path.open("rb") as content:
                    packed.addfile(member, content)
    return digest


@dataclass(frozen=True)
class Archive:
    """A packed image, to be looked into without a container tool."""

    path: Path

    @property
    def reference(self) -> str:
        """What a pod calls the image: its name with its digest."""
        with self._opened() as archive:
            (manifest,) = _json(archive, _INDEX)["manifests"]
            return str(manifest["annotations"][_CONTAINERD_NAME])

    @property
    def config(self) -> dict[str, Any]:
        """How the image is run, and of which layers it is made."""
        with self._opened() as archive:
            return _json(archive, _blob(_manifest(archive)["config"]))

    @cached_property
    def layers(self) -> list[list[tarfile.TarInfo]]:
        """The entries of each layer, base first."""
        with self._opened() as archive:
            return [list(layer) for layer in _layers(archive)]

    @cached_property
    def files(self) -> dict[str, tarfile.TarInfo]:
        """What a container sees: the entries of all layers by path, without those that a later layer removed."""
        seen: dict[str, tarfile.TarInfo] = {}
        for layer in self.layers:
            _put_over(seen, layer)
        return seen

    @property
    def size(self) -> int:
        """The bytes of all files of all layers, as container tools tell an image's size."""
        return sum(member.size for layer in self.layers for member in layer)

    def read(self, paths: Collection[str]) -> dict[str, bytes]:
        """What these files hold that are there, as the last layer with each has it."""
        found: dict[str, bytes] = {}
        with self._opened() as archive:
            for layer in _layers(archive):
                for member in layer:
                    path = _path(member)
                    if path in paths and (content := layer.extractfile(member)):
                        found[path] = content.read()
        return found

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        with tarfile.open(self.path) as archive:
            yield archive


def _layers(archive: tarfile.TarFile) -> Iterator[tarfile.TarFile]:
    """The layers, base first, each open while it is looked at."""
    for blob in _manifest(archive)["layers"]:
        with tarfile.open(fileobj=_member(archive, _blob(blob)), mode="r|*") as layer:
            yield layer


def _put_over(seen: dict[str, tarfile.TarInfo], layer: list[tarfile.TarInfo]) -> None:
    for member in layer:
        folder, _, name = _path(member).rpartition("/")
        gone = folder if name == _OPAQUE else f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
        if name.startswith(_WHITEOUT):
            for path in [path for path in seen if path.startswith(f"{gone}/") or (path == gone and name != _OPAQUE)]:
                del seen[path]
    seen |= {_path(member): member for member in layer if not _path(member).rpartition("/")[2].startswith(_WHITEOUT)}


def _path(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").strip("/")


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    (listed,) = _json(archive, _INDEX)["manifests"]
    return _json(archive, _blob(listed))


def _blob(described: dict[str, Any]) -> str:
    return f"blobs/{described['digest'].replace(':', '/')}"


def _json(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_member(archive, name).read())
    return told


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise ValueError(f"the archive has no file {name}")
    return found
