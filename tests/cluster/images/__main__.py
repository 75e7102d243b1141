"""Images of NATS, MLflow and PostgreSQL for a cluster that can fetch none: `python -m tests.cluster.images [NAME…]`.

They are for tests alone, and lie beside those of `make images`. A Debian with mmdebstrap makes the one of PostgreSQL.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from oo.errors import OOError
from scripts.images import finish
from scripts.images.__main__ import DEFAULT_BASE
from scripts.images.archive import archived
from scripts.images.base import Base, ask
from scripts.images.command import BuildFailed, run
from scripts.images.container_tool import container_tool
from scripts.images.recipe import ROOT
from scripts.images.tree import unpack

HERE = Path(__file__).parent
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/lib/*/libLLVM*",
    "/usr/lib/postgresql/*/lib/*jit*",
)
# The mirror's name must not leave this machine in an image, nor does it need the first tables, which have no password.
FORGOTTEN = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d",
    "etc/postgresql",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/lib/postgresql",
    "var/log",
)


def nats(context: Path, _: Base) -> None:
    """The server that our other tests start."""
    shutil.copyfile(Path(sys.executable).parent / "nats-server", context / "nats-server")
    (context / "nats-server").chmod(0o755)


def mlflow(context: Path, base: Base) -> None:
    """MLflow with what it needs, each as our lock has it."""
    root, here = context / "root", HERE / "mlflow"
    (root / finish.APP).mkdir(parents=True)
    (root / "usr/local/bin").mkdir(parents=True)
    unpack(base, root / finish.SITE, ["-c", "requirements/dev.txt", "mlflow"])
    shutil.copyfile(str(finish.__file__), context / "finish.py")
    shutil.copyfile(here / "served.py", root / finish.APP / "served.py")
    shutil.copy(here / "mlflow", root / "usr/local/bin")


def postgres(context: Path, _: Base) -> None:
    """Debian's PostgreSQL, on the smallest Debian that carries it."""
    options = ["--quiet", "--variant=essential", "--include=postgresql-15"]
    options += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    options += [f'--customize-hook=rm -rf "$1/{path}"' for path in FORGOTTEN]
    run(["mmdebstrap", *options, "bookworm", context / "root.tar", SOURCES])


IMAGES: Mapping[str, Callable[[Path, Base], None]] = {"nats": nats, "mlflow": mlflow, "postgres": postgres}


def main(names: Sequence[str]) -> None:
    """Build those that are named, all when none is.

    Raises:
        BuildFailed: one could not be built; says why.
    """
    folder = Path(os.environ.get("OO_IMAGES_DIR") or ROOT / ".images")
    folder.mkdir(parents=True, exist_ok=True)
    base_name = os.environ.get("BASE") or DEFAULT_BASE
    tool = container_tool(os.environ.get("CONTAINER_TOOL"), base_name)
    base = ask(tool, base_name)
    for name in names or IMAGES:
        if name not in IMAGES:
            raise BuildFailed(f"{name} is none of {', '.join(IMAGES)}")
        started = time.monotonic()
        with TemporaryDirectory(dir=folder, prefix=".building-") as scratch:
            context = Path(scratch)
            shutil.copyfile(HERE / name / "Dockerfile", context / "Dockerfile")
            IMAGES[name](context, base)
            archived(tool, context, f"localhost/oo-try-{name}:1", base_name, {}, folder)
        print(f"oo-try-{name}: built in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OOError as error:
        sys.exit(str(error))
