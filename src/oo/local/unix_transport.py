"""XML-RPC over a Unix socket."""

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any


class UnixTransport(xmlrpc.client.Transport):
    """Carries each call to the server that listens on `path`, within `timeout` seconds, on a connection of its own."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def single_request(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # as the base class has it
        """One call and its answer."""
        try:
            return super().single_request(*arguments, **options)
        finally:
            # A kept connection would outlive a server that was killed and started again.
            self.close()

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        """A new connection; the host of the address means nothing here."""
        connection = _UnixConnection(self._path, self._timeout)
        self._connection = host, connection
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
