"""Champions in a folder: written once, and read by a scorer that asks no registry.

It is not the default. A scorer fetches what an alias names in MLflow when it starts and follows it, since one scorer
serves several models: none of their rollouts then needs a new image, and a rollback takes seconds. Baked champions suit
an installation without MLflow in reach, or one that must not change: what serves is then a property of the image, and
each new champion another image.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from oo.errors import InvalidModel, InvalidSettings, ReadOnlyRegistry, UnknownModel, faults
from oo.registry.registry import CHAMPION, Alias, ModelVersion, Registry

_INDEX = "models.json"


class _Baked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: ModelVersion
    tags: dict[str, str]


class _Index(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    champions: tuple[_Baked, ...]


def bake(registry: Registry, models: Iterable[str], folder: Path) -> list[ModelVersion]:
    """Write the champions of these models into a folder, instead of those that were baked there before.

    Raises:
        UnknownModel: a model has no champion; the folder stays as it is.
        InvalidModel: the folder holds something else, or the registry not the file that was registered.
        RegistryUnreachable: the registry did not answer.
    """
    held = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if held and _INDEX not in held:
        raise InvalidModel(f"{folder} holds other files than baked models; name an empty or a new folder")
    found = {model: registry.by_alias(model, CHAMPION) for model in sorted(set(models))}
    if missing := [model for model, champion in found.items() if champion is None]:
        raise UnknownModel(f"{', '.join(missing)}: no champion is there to bake; `oo bootstrap` gives a first one")
    champions = [champion for champion in found.values() if champion is not None]
    files = {_file(one): registry.load(one) for one in champions}
    index = _Index(champions=tuple(_Baked(version=one, tags=registry.tags(one)) for one in champions))
    folder.mkdir(parents=True, exist_ok=True)
    for name, onnx in files.items():
        (folder / name).write_bytes(onnx)
    (folder / _INDEX).write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
    for path in folder.glob("*.onnx"):
        if path.name not in files:
            path.unlink()
    return champions


class BakedRegistry:
    """The champions of a folder, to read. What would change one raises `ReadOnlyRegistry`.

    Args:
        folder: what `bake` wrote.

    Raises:
        InvalidSettings: it did not write it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            index = _Index.model_validate_json((folder / _INDEX).read_bytes())
        except OSError as error:
            raise InvalidSettings(
                f"{folder} holds no baked models ({error.strerror}: {_INDEX}); `oo model bake FOLDER` writes them"
            ) from error
        except ValidationError as error:
            raise InvalidSettings(f"{folder / _INDEX}: {faults(error, _INDEX)}; bake the models again") from error
        self._baked = {one.version.name: one for one in index.champions}

    def by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        """The champion of model `name`; no other alias names anything."""
        return self._baked[name].version if alias == CHAMPION and name in self._baked else None

    def versions(self, name: str) -> list[ModelVersion]:
        """The champion alone; empty for an unknown name."""
        return [self._baked[name].version] if name in self._baked else []

    def load(self, version: ModelVersion) -> bytes:
        """The ONNX file, checked against the version's digest."""
        held = self._held(version).version
        try:
            onnx = (self._folder / _file(held)).read_bytes()
        except OSError as error:
            raise UnknownModel(f"{version.name} {version.version} cannot be read: {error}; bake it again") from error
        if hashlib.sha256(onnx).hexdigest() != version.digest:
            raise InvalidModel(f"{version.name} {version.version} is not the file that was registered; bake it again")
        return onnx

    def read_file(self, version: ModelVersion, file: str) -> bytes:
        """Nothing: only the model itself is baked."""
        self._held(version)
        raise UnknownModel(f"{version.name} {version.version} has no file {file!r} here: only its model was baked")

    def tags(self, version: ModelVersion) -> dict[str, str]:
        """The short facts of the version when it was baked."""
        return dict(self._held(version).tags)

    def register(  # noqa: PLR0913  # as the port has it
        self,
        name: str,
        onnx: bytes,  # noqa: ARG002  # the same
        *,
        feature_service: str,  # noqa: ARG002  # the same
        feature_digest: str,  # noqa: ARG002  # the same
        files: Mapping[str, bytes],  # noqa: ARG002  # the same
        tags: Mapping[str, str],  # noqa: ARG002  # the same
    ) -> ModelVersion:
        """Refused."""
        self._refuse(f"a new version of {name} cannot be registered")

    def attach(self, version: ModelVersion, files: Mapping[str, bytes], tags: Mapping[str, str]) -> None:  # noqa: ARG002  # the same
        """Refused."""
        self._refuse(f"nothing can be attached to {version.name} {version.version}")

    def set_alias(self, name: str, alias: Alias, version: int) -> None:
        """Refused."""
        self._refuse(f"{name} {version} cannot become {alias}")

    def remove_alias(self, name: str, alias: Alias) -> None:
        """Refused."""
        self._refuse(f"{alias} of {name} cannot be taken away")

    def _held(self, version: ModelVersion) -> _Baked:
        held = self._baked.get(version.name)
        if held is None or held.version.version != version.version:
            raise UnknownModel(f"model {version.name!r} has no version {version.version} in {self._folder}")
        return held

    def _refuse(self, what: str) -> NoReturn:
        raise ReadOnlyRegistry(
            f"{what}: the models in {self._folder} are baked in; change MLflow's registry, and bake again"
        )


def _file(version: ModelVersion) -> str:
    return f"{version.digest}.onnx"
