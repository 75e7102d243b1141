"""`python -m tests.contract.golden` writes Python's golden files that are missing, and locks all that there are.

A golden file holds bytes that some program has sent. It is never edited: a reader of every later release reads it.
"""

import hashlib
from pathlib import Path

from oo.events.envelope import EVENT_TYPES
from tests.envelopes import NAMES, envelope

GOLDEN = Path(__file__).parents[2] / "proto" / "golden"
LOCK = GOLDEN / "golden.lock"


def path_of(example: str, writer: str = "python") -> Path:
    return GOLDEN / "v1" / f"{example}.{writer}.json"


def found() -> dict[str, str]:
    """SHA-256 of every golden file, by its path in the folder."""
    return {
        path.relative_to(GOLDEN).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(GOLDEN.rglob("*.json"))
    }


def locked() -> dict[str, str]:
    """The lock's lines, which are what `sha256sum -c` reads."""
    lines = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def main() -> None:
    for event_type in EVENT_TYPES:
        if not path_of(NAMES[event_type]).exists():
            path_of(NAMES[event_type]).write_bytes(envelope(event_type).to_json())
    now = found()
    if edited := [name for name, digest in locked().items() if now.get(name) != digest]:
        raise SystemExit(f"edited or gone: {', '.join(edited)}; restore them, and add a new example beside them")
    LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in now.items()), encoding="utf-8")


if __name__ == "__main__":
    main()
