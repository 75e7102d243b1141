"""What an image starts from, as it says itself."""

import json
from dataclasses import dataclass

from scripts.images.command import BuildFailed
from scripts.images.container_tool import ContainerTool

_ASK = """
import json, platform, subprocess
try:
    asked = ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${Architecture}\\n"]
    packages = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
except OSError:
    packages = ""
try:
    system = platform.freedesktop_os_release()
except OSError:
    system = {}
print(json.dumps({
    "python": platform.python_version(),
    "machine": platform.machine(),
    "libc": platform.libc_ver(),
    "system": [system.get("ID", ""), system.get("VERSION_ID", "")],
    "packages": [line.split() for line in packages.splitlines()],
}))
"""
_OLDEST = (3, 11)


@dataclass(frozen=True, slots=True)
class Base:
    """An image with a Python."""

    python: str
    """Its version, such as 3.11.2."""
    machine: str
    """Such as x86_64."""
    libc: str
    """The version of its C library, glibc."""
    system: tuple[str, str]
    """Such as debian and 12."""
    packages: tuple[tuple[str, str, str], ...]
    """Name, version and architecture of each of the system's own packages."""

    @property
    def platform(self) -> str:
        """What wheels must fit, as uv names it."""
        return f"{self.machine}-manylinux_{self.libc.replace('.', '_')}"


def ask(tool: ContainerTool, name: str) -> Base:
    """What image `name` is.

    Raises:
        BuildFailed: it cannot be had, or no image of ours can start from it.
    """
    told = json.loads(tool.output(name, "python3", "-c", _ASK))
    if tuple(map(int, told["python"].split(".")[:2])) < _OLDEST:
        raise BuildFailed(f"BASE={name} has Python {told['python']}; 3.11 or later is needed")
    library, version = told["libc"]
    if library != "glibc":
        raise BuildFailed(f"BASE={name} has no glibc, for which the wheels are built; take one such as Debian's")
    return Base(
        python=told["python"],
        machine=told["machine"],
        libc=version,
        system=tuple(told["system"]),
        packages=tuple(map(tuple, told["packages"])),
    )
