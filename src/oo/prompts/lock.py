"""The lock of released prompts: a decision's prompt version means the same bytes for ever."""

import hashlib
from pathlib import Path

from oo.errors import InvalidPrompt

LOCK = "prompts.lock"


def prompt_files(folder: Path) -> list[Path]:
    """The prompt files in `folder`, by name."""
    return sorted(folder.glob("v*.yaml"))


def content_hash(path: Path) -> str:
    """SHA-256 of the file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_lock(folder: Path) -> None:
    """Pass when every prompt file in `folder` is locked and every locked one is what was released.

    Raises:
        InvalidPrompt: a released file was edited or removed, or a new one is not locked yet; names each.
    """
    locked, found = _locked(folder), _found(folder)
    faults = _broken(locked, found)
    faults += [f"{name} is not locked yet; release it with `oo prompt lock`" for name in sorted(found.keys() - locked)]
    if faults:
        raise InvalidPrompt(f"prompts in {folder}: {'; '.join(faults)}")


def write_lock(folder: Path) -> tuple[str, ...]:
    """Add the prompt files that are not locked yet and return their names. The lines are what `sha256sum -c` reads.

    Raises:
        InvalidPrompt: a released file was edited or removed; nothing is written.
    """
    locked, found = _locked(folder), _found(folder)
    if faults := _broken(locked, found):
        raise InvalidPrompt(f"prompts in {folder}: {'; '.join(faults)}")
    lines = (f"{found[name]}  {name}\n" for name in sorted(found))
    (folder / LOCK).write_text("".join(lines), encoding="utf-8")
    return tuple(sorted(found.keys() - locked))


def released_hash(folder: Path, name: str) -> str | None:
    """The hash with which a file was released; None when it was not."""
    return _locked(folder).get(name)


def _found(folder: Path) -> dict[str, str]:
    return {path.name: content_hash(path) for path in prompt_files(folder)}


def _locked(folder: Path) -> dict[str, str]:
    path = folder / LOCK
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _broken(locked: dict[str, str], found: dict[str, str]) -> list[str]:
    return [
        f"{name} was released and is {'edited' if name in found else 'gone'}; restore it and add a version beside it"
        for name, digest in sorted(locked.items())
        if found.get(name) != digest
    ]
