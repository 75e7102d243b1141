"""The one way to a NATS connection."""

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import DEFAULT_INBOX_PREFIX, Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from oo.bus.roles import inbox
from oo.errors import BusUnreachable

_log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that the first connection may take."""
RECONNECT_PAUSE = 0.5
PING_SECONDS = 10
"""With two pings unanswered a connection counts as lost: a server whose power went is noticed within half a minute."""
DRAIN_SECONDS = 3
"""What subscriptions may take to hand over what has arrived, when a process ends."""
FLUSH_SECONDS = 2
"""What the server may take after that to say that it has heard everything. The client itself would wait for ten."""


class _Client(Client):
    def _build_message(self, sid: int, subject: bytes, *rest: Any) -> Msg:  # noqa: ANN401  # handed on as it came
        """Survive a subject that is not UTF-8, which a server takes and the client's reader would end over."""
        readable = subject.decode(errors="backslashreplace").encode()
        message: Msg = super()._build_message(sid, readable, *rest)
        return message


async def connect(url: str, name: str, user: str | None = None, password: str | None = None) -> Client:
    """A connection to the server at `url` that comes back for ever after it was lost.

    Args:
        url: such as `nats://127.0.0.1:4222`; several servers are separated by commas.
        name: the process, as the server's monitoring shows it.
        user: one of `oo.bus.roles`, where the server asks for one; answers then come to its own inbox.
        password: the user's.

    Raises:
        BusUnreachable: no server answered within `PATIENCE` seconds, or it did not let us in.
    """

    async def tell_error(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            # The server tells no request that waits for an answer: this line is all that explains its timeout.
            _log.error("the bus denies this user something, grant it", extra={"client": name, "error": str(error)})
        else:
            _log.warning("bus error", extra={"error": repr(error)})

    async def tell_lost() -> None:
        if not client.is_closed:
            _log.warning("bus connection lost, reconnecting", extra={"server": _shown(url)})

    async def tell_back() -> None:
        _log.info("bus connection is back", extra={"server": _shown(url)})

    client = _Client()
    try:
        async with asyncio.timeout(PATIENCE):
            await client.connect(
                url.split(","),
                name=name,
                user=user,
                password=password,
                inbox_prefix=inbox(user) if user else DEFAULT_INBOX_PREFIX,
                error_cb=tell_error,
                disconnected_cb=tell_lost,
                reconnected_cb=tell_back,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_PAUSE,  # type: ignore[arg-type]  # annotated int, used in asyncio.sleep
                ping_interval=PING_SECONDS,
                drain_timeout=DRAIN_SECONDS,
            )
    except (OSError, NatsError, TimeoutError) as error:
        cause = client.last_error or error
        await client.close()
        raise BusUnreachable(
            f"no NATS server answered at {_shown(url)} ({cause!r}); is it running? `make up`"
        ) from error
    return client


async def drain(client: Client) -> None:
    """Close the connection in good order; at once when it is lost, and in a moment when the server says nothing."""
    try:
        # The client takes a timeout during its first part for its own.
        async with asyncio.timeout(DRAIN_SECONDS + FLUSH_SECONDS):
            await client.drain()
    except (NatsError, TimeoutError):
        await client.close()


def _shown(url: str) -> str:
    """The address without its user and password."""
    return ",".join(urlsplit(server).netloc.rpartition("@")[2] or server for server in url.split(","))
