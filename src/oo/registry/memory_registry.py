"""A registry in this process's memory, for tests and rehearsals."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from oo.errors import InvalidModel, UnknownModel
from oo.registry.registry import ROWS_SHA256, Alias, ModelVersion


@dataclass(slots=True)
class _Held:
    version: ModelVersion
    onnx: bytes
    files: dict[str, bytes]
    tags: dict[str, str]


@dataclass(slots=True)
class MemoryRegistry:
    """Forgets everything with the process; passes the contract suite of the real one."""

    _held: dict[str, list[_Held]] = field(default_factory=dict)
    _aliases: dict[tuple[str, Alias], int] = field(default_factory=dict)

    def by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version of model `name` under this alias, None when there is none."""
        number = self._aliases.get((name, alias))
        return None if number is None else self._find(name, number).version

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of model `name`, oldest first."""
        return [held.version for held in self._held.get(name, [])]

    def load(self, version: ModelVersion) -> bytes:
        """The ONNX file, checked against the version's digest."""
        onnx = self._find(version.name, version.version).onnx
        if hashlib.sha256(onnx).hexdigest() != version.digest:
            raise InvalidModel(f"{version.name} {version.version} is not the file that was registered; train it again")
        return onnx

    def read_file(self, version: ModelVersion, file: str) -> bytes:
        """A file that was registered with the version."""
        try:
            return self._find(version.name, version.version).files[file]
        except KeyError:
            raise UnknownModel(f"{version.name} {version.version} has no file {file!r}") from None

    def tags(self, version: ModelVersion) -> dict[str, str]:
        """The short facts of the version."""
        return dict(self._find(version.name, version.version).tags)

    def register(  # noqa: PLR0913  # each is a fact of the version, given by name
        self,
        name: str,
        onnx: bytes,
        *,
        feature_service: str,
        feature_digest: str,
        files: Mapping[str, bytes],
        tags: Mapping[str, str],
    ) -> ModelVersion:
        """A new version of model `name`, unless these rows made the same file before."""
        all_held = self._held.setdefault(name, [])
        digest = hashlib.sha256(onnx).hexdigest()
        if rows := tags.get(ROWS_SHA256):
            for held in all_held:
                if (held.version.digest, held.tags.get(ROWS_SHA256)) == (digest, rows):
                    return held.version
        version = ModelVersion(name, len(all_held) + 1, digest, feature_service, feature_digest)
        all_held.append(_Held(version, onnx, dict(files), dict(tags)))
        return version

    def attach(self, version: ModelVersion, files: Mapping[str, bytes], tags: Mapping[str, str]) -> None:
        """Add files and tags to a version."""
        held = self._find(version.name, version.version)
        held.files |= files
        held.tags |= tags

    def set_alias(self, name: str, alias: Alias, version: int) -> None:
        """Let `alias` name this version from now on."""
        self._aliases[name, alias] = self._find(name, version).version.version

    def remove_alias(self, name: str, alias: Alias) -> None:
        """Let `alias` name no version any more."""
        self._aliases.pop((name, alias), None)

    def _find(self, name: str, number: int) -> _Held:
        held = self._held.get(name, [])
        if not 0 < number <= len(held):
            raise UnknownModel(f"model {name!r} has no version {number}; train or bootstrap it first")
        return held[number - 1]
