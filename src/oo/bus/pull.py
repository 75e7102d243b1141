"""Fetching from a durable, such that no message can pass for a word of the server.

The client's own fetch takes a message with a header named Status for one, drops it and with some values all that came
along. What the server says carries no reply subject, what is to be acknowledged always does: this tells them apart.
"""

import asyncio
import json
from typing import Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from oo.errors import BusUnreachable
from oo.events.subjects import Durable

NO_MORE = {"404", "408"}
"""What the server says when it has nothing (more) for this fetch."""
MAX_BATCH_BYTES = 32 * 2**20
"""What a batch may hold at most, so that neither memory nor the client's buffer runs over."""
GRACE_SECONDS = 2.0
"""How much later than asked the server may say so."""


class Pull:
    """Fetches one batch at a time from a durable that exists; open it anew after an error."""

    def __init__(self, client: Client, durable: Durable, inbox: str, arrivals: Subscription) -> None:
        self._client = client
        self._durable = durable
        self._inbox = inbox
        self._arrivals = arrivals
        self._fetches = 0

    @classmethod
    async def open(cls, client: Client, durable: Durable) -> Self:
        """Subscribe to an inbox of its own."""
        inbox = client.new_inbox()
        return cls(client, durable, inbox, await client.subscribe(f"{inbox}.*"))

    async def fetch(self, most: int, seconds: float, *, fill: bool = False) -> list[Msg]:
        """Up to `most` messages: what there is at once, else the first to come within `seconds`, else none.

        Args:
            most: the size of the batch.
            seconds: how long to wait.
            fill: wait for a full batch instead, and take what came within `seconds`.

        Raises:
            BusUnreachable: the server said nothing in time, or that the durable is gone.
            nats.errors.Error: the connection failed.
        """
        self._fetches += 1
        reply = f"{self._inbox}.{self._fetches}"
        # The last two together mean: wait for a first message, and then for no other.
        request = {"batch": most, "max_bytes": MAX_BATCH_BYTES, "expires": int(seconds * 1e9), "no_wait": not fill}
        next_subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._durable.stream}.{self._durable.name}"
        await self._client.publish(next_subject, json.dumps(request).encode(), reply=reply)
        messages: list[Msg] = []
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                while len(messages) < most:
                    message = await self._arrivals.next_msg(timeout=None)
                    if message.reply:
                        messages.append(message)
                    elif message.subject == reply:  # else it is the end of an earlier fetch
                        said = (message.headers or {}).get("Status")
                        if not messages and said not in NO_MORE:
                            raise BusUnreachable(f"{self._durable.name}: the server said {said} to a fetch")
                        break
        except TimeoutError:
            if not messages:
                raise BusUnreachable(f"{self._durable.name}: the server said nothing to a fetch") from None
        return messages

    async def close(self) -> None:
        """Leave the inbox; what is still on its way to it is delivered again after the ack wait."""
        await self._arrivals.unsubscribe()
