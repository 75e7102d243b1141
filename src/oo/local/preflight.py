"""What can be known to go wrong before anything is started."""

import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from oo.errors import StackFailed
from oo.local import leftovers
from oo.local.processes import Process

_MB = 1_000_000


def check_disk(state_dir: Path, min_free_mb: int) -> None:
    """Refuse to start on a disk that is nearly full.

    Raises:
        StackFailed: less than `min_free_mb` are free; names the folder and the remedy.
    """
    free = shutil.disk_usage(state_dir).free // _MB
    if free < min_free_mb:
        raise StackFailed(
            f"{free} MB are free at {state_dir} and {min_free_mb} are wanted: free some space, "
            "move the state with OO_STATE_DIR or lower OO_MIN_FREE_MB"
        )


def check_ports(processes: Iterable[Process]) -> None:
    """Refuse to start when another program has a port of these processes.

    Raises:
        StackFailed: names each taken port, who has it and the setting that changes it.
    """
    taken = [
        f"port {port} of {process.name} is taken by {_holder(port)}; end it, or set {setting} to a free port"
        for process in processes
        for setting, port in process.ports.items()
        if is_taken(port)
    ]
    if taken:
        raise StackFailed("\n".join(taken))


def is_taken(port: int) -> bool:
    """Whether a server of ours could not listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do it: connections of the last run that still fade do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    # With that option macOS lets two programs share a port when one of them listens on all addresses.
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return (
                    leftovers.describe(psutil.Process(connection.pid)) if connection.pid else "another person's process"
                )
    except psutil.Error:  # macOS shows this only to root
        pass
    return "another process"
