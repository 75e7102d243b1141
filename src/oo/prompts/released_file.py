"""A prompt's file as it lies there, whatever state it is in."""

from dataclasses import dataclass
from pathlib import Path

from oo.errors import UnknownPromptVersion
from oo.prompts.lock import LOCK, content_hash, prompt_files, released_hash


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """The file of one version, and what the lock says of it."""

    name: str
    content: bytes
    digest: str
    """SHA-256 of the content, in hex."""
    locked: str | None
    """The hash with which it was released; None when it was not."""

    @property
    def agrees(self) -> bool:
        """Whether it is what was released."""
        return self.digest == self.locked

    @property
    def verdict(self) -> str:
        """Its hash, and whether it is what was released, in words."""
        if self.agrees:
            return f"{self.name}: sha256 {self.digest}, as released"
        if self.locked is None:
            return f"{self.name}: sha256 {self.digest}, not released yet; `oo prompt lock` does it"
        return f"{self.name}: sha256 {self.digest}, EDITED since it was released: {LOCK} has {self.locked}; restore it"


def released_file(folder: Path, version: str) -> ReleasedFile:
    """The file of a version.

    Raises:
        UnknownPromptVersion: there is none; lists those that there are.
    """
    paths = {path.stem: path for path in prompt_files(folder)}
    if (path := paths.get(version)) is None:
        raise UnknownPromptVersion(f"{folder} has no prompt version {version!r}; known: {', '.join(paths)}")
    return ReleasedFile(path.name, path.read_bytes(), content_hash(path), released_hash(folder, path.name))
