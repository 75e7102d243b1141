"""Asking the server many things at once."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError
from nats.js import JetStreamContext


class Question(NamedTuple):
    """What is published, for one message in answer."""

    subject: str
    data: bytes = b""
    headers: dict[str, str] | None = None


@dataclass(slots=True)
class _Round:
    answers: list[Msg | None]
    missing: int
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Requests:
    """Questions over one inbox, without a task, a timer and a name for each as the client's own request has them.

    Two hundred at once take a third of the time.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._client = js._nc  # noqa: SLF001  # the context has no public way to its connection
        self._inbox = self._client.new_inbox()
        self._subscribing: asyncio.Task[object] | None = None
        self._rounds: dict[str, _Round] = {}
        self._asked = 0

    async def ask(self, questions: Sequence[Question], seconds: float) -> list[Msg | None]:
        """The answers, in the order of the questions; None for each that did not come within `seconds`.

        Raises:
            nats.errors.Error: the connection is lost or closed; some of the questions may have been sent.
        """
        if not self._client.is_connected:  # what is sent now would arrive some time later, when nobody waits for it
            raise ConnectionReconnectingError
        if self._subscribing is None:
            self._subscribing = asyncio.create_task(self._client.subscribe(f"{self._inbox}.*.*", cb=self._answered))
        await asyncio.shield(self._subscribing)
        self._asked += 1
        name = str(self._asked)
        asking = self._rounds[name] = _Round([None] * len(questions), len(questions))
        try:
            for place, question in enumerate(questions):
                reply = f"{self._inbox}.{name}.{place}"
                await self._client.publish(question.subject, question.data, reply, question.headers)
            if questions:
                with suppress(TimeoutError):
                    await asyncio.wait_for(asking.over.wait(), seconds)
        finally:
            del self._rounds[name]
        return asking.answers

    async def _answered(self, message: Msg) -> None:
        *_, name, place = message.subject.split(".")
        asking = self._rounds.get(name)
        if asking is not None and asking.answers[int(place)] is None:
            asking.answers[int(place)] = message
            asking.missing -= 1
            if not asking.missing:
                asking.over.set()
