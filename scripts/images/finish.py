"""Finishes what an image adds to its base, inside of the build's first stage: `python3 finish.py /image`.

It leaves out what no process opens, compiles what ours import, and makes all else equal that two builds of the same
files could differ in: owner's umask, times, and how an installer remembers its work. It needs Python and nothing else,
since it runs in the base image.
"""

import importlib
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

SITE, APP = "opt/oo/site", "app"
"""Where the packages and where our code lie below an image's root."""
LEFT_OUT = (
    # Commands: a process is started as a module.
    "bin",
    ".lock",
    # Tests of packages. No module beside them imports them, or the build would stop at it.
    "**/tests",
    "**/test",
    "kfp/**/*_test.py",
    # Read by compilers and type checkers.
    *(f"**/*{suffix}" for suffix in (".pyi", ".pyx", ".pxd", ".h", ".hpp", ".c", ".cpp", ".a")),
    # For programs in C. Python's own module has all of onnxruntime in itself.
    "onnxruntime/capi/libonnxruntime.so.*",
    # What makes and changes models; serving runs them.
    *(f"onnxruntime/{part}" for part in ("datasets", "quantization", "tools", "transformers")),
    # MLflow's client asks whether the package is there, and uses it with Databricks alone.
    "databricks/sdk",
    # An installer's memory, in which the time and the machine show.
    *(f"*.dist-info/{name}" for name in ("INSTALLER", "RECORD", "REQUESTED", "WHEEL")),
)
"""Below the packages, as `Path.glob` reads it."""
ON_DEMAND = (
    "_bentoml_impl.server.serving",
    "_bentoml_impl.worker.service",
    "bentoml_cli.cli",
    "bentoml_cli.serve",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)
"""What servers import when they start, besides what our modules do."""


def finish(root: Path) -> None:
    """Make of the unpacked packages and our code what the image holds.

    Raises:
        ImportError: a module of ours cannot be imported, though its package is there.
    """
    for pattern in LEFT_OUT:
        for path in sorted((root / SITE).glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    # In a process of its own, since what is imported changes how a file compiles; and without the base's own packages.
    listed = subprocess.run(  # noqa: S603  # this file
        [sys.executable, "-S", __file__, str(root), "imported"],
        env={
            **os.environ,
            "PYTHONPATH": f"{root / SITE}{os.pathsep}{root / APP}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/tmp",  # noqa: S108  # as in the image
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for file in sorted(set(listed.stdout.splitlines())):
        # The file's own hash instead of its time, and its place in the image instead of the one here.
        py_compile.compile(
            file,
            dfile=f"/{Path(file).relative_to(root)}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    for path in [*root.rglob("*"), root]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (0, 0), follow_symlinks=False)


def imported(root: Path) -> list[str]:
    """The files of all modules that ours import, of those whose packages this image has."""
    for name in [*ON_DEMAND, *_modules(root / APP)]:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            package = str(error.name).partition(".")[0]
            if find_spec(package) is not None:
                raise
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [file for file in files if file and file.endswith(".py") and Path(file).is_relative_to(root)]


def _modules(app: Path) -> Iterator[str]:
    """Our own modules, by name: what lies in packages and is no program by itself."""
    for file in sorted(app.rglob("*.py")):
        parts = file.relative_to(app).with_suffix("").parts
        packages = (parent for parent in file.parents if parent.is_relative_to(app) and parent != app)
        if parts[-1] != "__main__" and all((package / "__init__.py").exists() for package in packages):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


if __name__ == "__main__":
    if sys.argv[2:] == ["imported"]:
        print(*imported(Path(sys.argv[1])), sep="\n")  # noqa: T201  # to the process that started this one
    else:
        finish(Path(sys.argv[1]))
