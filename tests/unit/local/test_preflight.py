import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from oo.errors import StackFailed
from oo.local import preflight
from oo.local.processes import Process


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def test_a_port_is_taken_while_a_program_listens_on_it(listener: socket.socket) -> None:
    port = port_of(listener)
    assert preflight.is_taken(port)
    listener.close()
    assert not preflight.is_taken(port)


def test_a_port_is_taken_when_a_program_listens_on_all_addresses() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104  # the very case that is tested
        assert preflight.is_taken(port_of(listener))


def test_a_port_is_free_while_connections_of_the_last_server_fade() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = port_of(listener)
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()  # the side that closes first keeps the port in TIME_WAIT
    assert not preflight.is_taken(port)


def test_all_taken_ports_are_told_with_their_holder_and_setting(listener: socket.socket) -> None:
    port = port_of(listener)
    with socket.create_server(("127.0.0.1", 0)) as second:
        monitor = port_of(second)
        nats = Process("nats", (), ports={"OO_NATS_PORT": port, "OO_NATS_MONITOR_PORT": monitor})
        with pytest.raises(StackFailed) as refusal:
            preflight.check_ports([nats])
    holder = f"{psutil.Process().name()} (pid {os.getpid()})"
    assert str(refusal.value).splitlines() == [
        f"port {port} of nats is taken by {holder}; end it, or set OO_NATS_PORT to a free port",
        f"port {monitor} of nats is taken by {holder}; end it, or set OO_NATS_MONITOR_PORT to a free port",
    ]


def test_enough_space_passes_and_too_little_is_told_with_both_figures(tmp_path: Path) -> None:
    preflight.check_disk(tmp_path, 0)
    with pytest.raises(StackFailed, match=rf"\d+ MB are free at {tmp_path} and 1000000000000 are wanted"):
        preflight.check_disk(tmp_path, 10**12)
