"""Publishing as fast as consumers let us, through a server that goes away and comes back."""

import asyncio
from collections.abc import Sequence

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header

from tests.soak.message import Message

IN_FLIGHT = 200
ANSWER_SECONDS = 3.0
AGAIN_SECONDS = 0.2


def message_id(number: int) -> str:
    return f"soak-{number}"


class Publisher:
    """Publishes each message until it is acknowledged, known to the server by its number: stored once, lost never."""

    def __init__(self, js: JetStreamContext, messages: Sequence[Message]) -> None:
        self._js = js
        self._messages = messages
        self._numbers = iter(range(len(messages)))
        self._room = asyncio.Condition()
        self._limit = 0
        self.acknowledged = 0
        self.repeated = 0
        """How often a message had to be sent again."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as workers:
            for _ in range(IN_FLIGHT):
                workers.create_task(self._work())

    async def allow(self, more: int) -> None:
        """So many more than what is acknowledged by now."""
        async with self._room:
            self._limit = max(self._limit, self.acknowledged + more)
            self._room.notify_all()

    async def _work(self) -> None:
        for number in self._numbers:
            if number >= self._limit:
                async with self._room:
                    await self._room.wait_for(lambda: number < self._limit)  # noqa: B023  # it is waited for right here
            await self._publish(number, self._messages[number])
            self.acknowledged += 1

    async def _publish(self, number: int, message: Message) -> None:
        headers = {**message.headers, Header.MSG_ID.value: message_id(number)}
        while True:
            try:
                await self._js.publish(message.subject, message.data, timeout=ANSWER_SECONDS, headers=headers)
            except (NatsError, OSError):
                self.repeated += 1
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return
