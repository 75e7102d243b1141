"""The evidence bundle: all that a move rested on, as files whose hash stands in the history."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from oo.errors import EvidenceChanged
from oo.rollout.evidence import Evidence
from oo.rollout.plan import Move
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout

MANIFEST = "bundle.json"
"""Names every other file with its SHA-256; its own is the bundle's."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that cannot change unnoticed. Equal content is equal bytes, and so an equal hash."""

    files: Mapping[str, bytes]
    """By flat name, the manifest left out."""

    @classmethod
    def of(cls, rollout: Rollout, evidence: Evidence, requirements: Requirements, move: Move) -> Self:
        """What was known, what was asked for and what was concluded."""
        told = {
            "rollout.json": _told(Rollout, rollout),
            "evidence.json": _told(Evidence, evidence.model_copy(update={"documents": {}})),
            "requirements.json": _told(Requirements, requirements),
            "move.json": _told(type(move), move),
        }
        return cls(told | {name: text.encode() for name, text in evidence.documents.items()})

    @property
    def manifest(self) -> bytes:
        """The content of `bundle.json`."""
        hashes = {name: _sha256(content) for name, content in sorted(self.files.items())}
        return _json({"files": hashes})

    @property
    def digest(self) -> str:
        """The bundle's hash: SHA-256 of its manifest."""
        return _sha256(self.manifest)

    def write(self, folder: Path) -> None:
        """Write all files into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {**self.files, MANIFEST: self.manifest}.items():
            (folder / name).write_bytes(content)

    @classmethod
    def checked(cls, files: Mapping[str, bytes], digest: str) -> Self:
        """The bundle of this hash out of its files, the manifest among them.

        Raises:
            EvidenceChanged: a file is not what it was, or missing, or there is one more; says which.
        """
        if faults := tuple(verify(files, digest)):
            raise EvidenceChanged(
                f"evidence {digest[:12]} is not what the decision rested on: {'; '.join(faults)};"
                " look for another copy, or take the version back"
            )
        return cls({name: content for name, content in files.items() if name != MANIFEST})


def verify(files: Mapping[str, bytes], digest: str) -> Iterable[str]:
    """What is wrong with the files of a bundle, each fault in words; nothing when they are what was hashed.

    Args:
        files: by name, the manifest among them.
        digest: the bundle's hash, as a transition tells it.
    """
    if MANIFEST not in files:
        yield f"{MANIFEST} is missing"
        return
    if _sha256(files[MANIFEST]) != digest:
        yield f"{MANIFEST} was changed"
        return
    hashes: dict[str, str] = json.loads(files[MANIFEST])["files"]
    for name, wanted in hashes.items():
        if name not in files:
            yield f"{name} is missing"
        elif _sha256(files[name]) != wanted:
            yield f"{name} was changed"
    for name in sorted(files.keys() - hashes.keys() - {MANIFEST}):
        yield f"{name} does not belong to it"


def names_in(manifest: bytes) -> tuple[str, ...]:
    """The files that a manifest names."""
    return tuple(json.loads(manifest)["files"])


def kept_as(digest: str, name: str) -> str:
    """What a file of a bundle is called where those of many bundles lie together."""
    return f"evidence-{digest}-{name}"


def _told(kind: type[object], value: object) -> bytes:
    told = json.loads(TypeAdapter(kind).dump_json(value))
    return _json({"move": kind.__name__.lower(), **told} if kind.__name__ in ("Advance", "RollBack", "Hold") else told)


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
