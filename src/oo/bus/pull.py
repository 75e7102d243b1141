"""Fetching from a consumer of the server, such that no message can pass for a word of the server.

The client's own fetch takes a message with a header named Status for one, drops it and with some values all that came
along. What the server says carries no reply subject, what is to be acknowledged always does: this tells them apart.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from oo.errors import BusUnreachable

_CUT = "cut"
NO_MORE = {"404", "408", _CUT}
"""What the server says when it has nothing (more) for this fetch, and what we say ourselves."""
MAX_BATCH_BYTES = 32 * 2**20
"""What a batch may hold at most, so that neither memory nor the client's buffer runs over."""
GRACE_SECONDS = 2.0
"""How much later than asked the server may say so."""


class Pull:
    """Fetches one batch at a time from a consumer that exists; open it anew after an error."""

    _arrivals: Subscription

    def __init__(self, client: Client, stream: str, consumer: str) -> None:
        self._client = client
        self._consumer = consumer
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self.arrived: deque[Msg] = deque()
        """Delivered and not fetched yet."""
        self._asked = False
        self._fetches = 0
        self._most = 0
        self._said: str | None = None
        self._over = asyncio.Event()

    @classmethod
    async def open(cls, client: Client, stream: str, consumer: str) -> Self:
        """Subscribe to an inbox of its own, for messages that this consumer of the stream delivers."""
        pull = cls(client, stream, consumer)
        # A callback: what the client has for awaiting one message makes two tasks of each.
        pull._arrivals = await client.subscribe(f"{pull._inbox}.*", cb=pull._arrive)
        return pull

    async def fetch(self, most: int, seconds: float, *, fill: bool = False) -> list[Msg]:
        """Up to `most` messages: what there is at once, else the first to come within `seconds`, else none.

        When `ask` was called since the last fetch, this is what was asked for then.

        Args:
            most: the size of the batch.
            seconds: how long to wait.
            fill: wait for a full batch instead, and take what came within `seconds`.

        Raises:
            BusUnreachable: the server said nothing in time, or that the durable is gone.
            nats.errors.Error: the connection failed.
        """
        if not self._asked:
            await self.ask(most, seconds, fill=fill)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds + GRACE_SECONDS)
        self._asked = False
        if not self.arrived and self._said not in NO_MORE:
            said = self._said or "nothing"
            raise BusUnreachable(f"{self._consumer}: the server said {said} to a fetch")
        return [self.arrived.popleft() for _ in range(min(most, len(self.arrived)))]

    async def ask(self, most: int, seconds: float, *, fill: bool = False) -> None:
        """Let the next fetch begin now: what comes meanwhile waits in `arrived`. Arguments and errors as of `fetch`."""
        self._asked = True
        self._fetches += 1
        self._most, self._said = most, None
        self._over.clear()
        self._see_whether_over()
        # The last two together mean: wait for a first message, and then for no other.
        request = {"batch": most, "max_bytes": MAX_BATCH_BYTES, "expires": int(seconds * 1e9), "no_wait": not fill}
        await self._client.publish(self._next, json.dumps(request).encode(), reply=self._reply)

    @property
    def _reply(self) -> str:
        return f"{self._inbox}.{self._fetches}"

    async def _arrive(self, message: Msg) -> None:
        if message.reply:
            self.arrived.append(message)
        elif message.subject == self._reply:  # else it is the end of an earlier fetch
            self._said = (message.headers or {}).get("Status")
        self._see_whether_over()

    def _see_whether_over(self) -> None:
        if self._said is not None or len(self.arrived) >= self._most:
            self._over.set()

    def cut(self) -> None:
        """Let a fetch that is waiting end now, with what has come."""
        self._said = _CUT
        self._over.set()

    async def close(self) -> None:
        """Leave the inbox and give back what has come, also what was on its way.

        Raises:
            nats.errors.Error: the connection failed; then it comes again after the ack wait.
        """
        if self._client.is_connected:
            await self._arrivals.drain()  # type: ignore[no-untyped-call]  # hears what the server sent before it knew
        else:
            await self._arrivals.unsubscribe()
        while self.arrived:
            await self.arrived.popleft().nak()
