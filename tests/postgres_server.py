"""A PostgreSQL server of a test's own, where the server's programs are installed (Debian: apt install postgresql)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg

PATIENCE = 60


def programs() -> Path | None:
    """The newest folder with the server's programs; Debian has them off the PATH."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    # What stands on the PATH may be a wrapper: a folder counts when the server itself is beside it.
    folders = [*reversed(found), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server on a socket in a folder of its own, ended and removed afterwards.

    It takes no port, and what a crash could lose is of no use to a test.
    """
    bin_dir = programs()
    assert bin_dir is not None, "PostgreSQL's server is not installed"
    # Short and readable by the server's user: a socket's path is limited, and PostgreSQL refuses to run as root.
    folder = Path(mkdtemp(prefix="pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603  # the server's own programs, by their path
            [bin_dir / program, *arguments], cwd=folder, user=user, check=True, capture_output=True, timeout=PATIENCE
        )

    data = str(folder / "data")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
    try:
        run("initdb", "--pgdata", data, "--username=oo", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", str(folder / "log"), "--options", options)
        try:
            yield f"postgresql+psycopg://oo@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate", "--pgdata", data)
    finally:
        shutil.rmtree(folder)


@contextmanager
def database_of_its_own(server: str, name: str) -> Iterator[str]:
    """The URL of a new, empty database on that server."""
    folder = server.rpartition("host=")[2]
    with psycopg.connect(f"host={folder} user=oo dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        try:
            yield server.replace("@/postgres", f"@/{name}")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
