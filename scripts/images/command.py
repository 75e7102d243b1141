import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from oo.errors import OOError

_LAST_LINES = 15


class BuildFailed(OOError):
    """An image that could not be built."""


def run(command: Sequence[str | Path], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a command printed.

    Raises:
        BuildFailed: it is not there or ended with a fault; with the last lines that it said.
    """
    words = [str(word) for word in command]
    try:
        ran = subprocess.run(  # noqa: S603  # programs of this file's callers
            words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BuildFailed(f"{words[0]} cannot be run: {error.strerror}; install it, or put it on the PATH") from error
    if ran.returncode:
        said = "\n".join((ran.stdout + ran.stderr).splitlines()[-_LAST_LINES:])
        raise BuildFailed(f"`{' '.join(words[:3])} …` ended with {ran.returncode} and said at last:\n{said}")
    return ran.stdout
