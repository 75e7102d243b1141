"""The registry port: which versions of a model there are, and what each is to traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from oo.errors import UnknownModel

Alias = Literal["challenger", "shadow", "canary", "champion", "previous"]
ALIASES: tuple[Alias, ...] = get_args(Alias)
"""In the order of a version's way; they follow from the history (`oo.registry.history`), which is the truth."""

CHALLENGER: Alias = "challenger"
"""The newest version that passed all gates. It may be rolled out and gets no traffic yet."""
SHADOW: Alias = "shadow"
"""The version that answers mirrored traffic, and whose answers nobody sees."""
CANARY: Alias = "canary"
"""The version that answers a share of the traffic."""
CHAMPION: Alias = "champion"
"""The version that serves."""
PREVIOUS: Alias = "previous"
"""The champion before this one: where a rollback goes."""
ROWS_SHA256 = "rows_sha256"
"""The tag with the digest of the rows that a version was fitted on."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered model at one version. It never changes; aliases move between versions."""

    name: str
    version: int
    digest: str
    """SHA-256 of the ONNX file in hex."""
    feature_service: str
    """The feature service that the rows come from, such as "tips@1"."""
    feature_digest: str
    """`FeatureService.digest` of the columns that it was trained on."""


class Registry(Protocol):
    """Keeps model versions with what they were made of. All calls block.

    Every method raises `RegistryUnreachable` when the registry does not answer.
    """

    def by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version of model `name` under this alias, None when there is none."""

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of model `name`, oldest first; empty for an unknown name."""

    def load(self, version: ModelVersion) -> bytes:
        """The ONNX file, checked against the version's digest.

        Raises:
            UnknownModel: the registry holds no such version.
            InvalidModel: the stored bytes are not those that were registered.
        """

    def read_file(self, version: ModelVersion, file: str) -> bytes:
        """A file that was registered with the version.

        Raises:
            UnknownModel: the registry holds no such version, or it has no such file.
        """

    def tags(self, version: ModelVersion) -> dict[str, str]:
        """The short facts that were registered with the version or attached to it.

        Raises:
            UnknownModel: the registry holds no such version.
        """

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
        """A new version of model `name`, numbered one above the last, under no alias yet.

        The same file made of the same rows (tag `ROWS_SHA256`) is registered once: a pipeline that was killed and runs
        again gets the version that is there, as it is. Without that tag every call makes a version.

        Args:
            name: the registered model.
            onnx: the ONNX file.
            feature_service: the feature service that the rows come from.
            feature_digest: the digest of its columns.
            files: what the version was made of, by file name.
            tags: short facts that the registry shows beside the version.
        """

    def attach(self, version: ModelVersion, files: Mapping[str, bytes], tags: Mapping[str, str]) -> None:
        """Add files and tags to a version: what is found out after its registration, such as its verdict.

        Raises:
            UnknownModel: the registry holds no such version.
        """

    def set_alias(self, name: str, alias: Alias, version: int) -> None:
        """Let `alias` name this version from now on.

        Raises:
            UnknownModel: the registry holds no such version.
        """

    def remove_alias(self, name: str, alias: Alias) -> None:
        """Let `alias` name no version of model `name` any more; nothing happens when it names none."""


def named(registry: Registry, name: str, which: str) -> ModelVersion:
    """The version of model `name` that a person means by a number or an alias.

    Raises:
        UnknownModel: there is none; names those that there are.
        RegistryUnreachable: the registry did not answer.
    """
    versions = registry.versions(name)
    if not versions:
        raise UnknownModel(f"the registry has no model {name!r}; `oo model list` shows those that it has")
    for alias in ALIASES:
        if which == alias and (found := registry.by_alias(name, alias)):
            return found
    for version in versions:
        if which == str(version.version):
            return version
    known = ", ".join(str(version.version) for version in versions)
    raise UnknownModel(f"model {name!r} has no version {which}; it has {known}, and `oo model list` shows its aliases")
