import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, at once and as a whole for whoever reads it; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.rename(path)
