"""One run: events are published while consumers and server are killed, until nothing is left to do."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from nats.js import JetStreamContext

from oo.events.subjects import DURABLES
from tests.integration.nats_server import NatsServer
from tests.soak.fleet import CONSUMERS, Fleet
from tests.soak.message import Message, stream_of
from tests.soak.mischief import Blow, Mischief
from tests.soak.publishing import Publisher
from tests.soak.standing import Standing

ROOM = 4_000
"""How far the slowest durable may be behind before publishing waits: so that both go on all through the run."""
LOOK_SECONDS = 0.1
STILL_SECONDS = 90.0
"""When nothing has moved for so long, nothing will."""
LONGEST_SECONDS = 180.0
SECONDS_A_MESSAGE = 0.03
"""What a run may take, though something moves: ten times as long as on two idle processors."""
AIM_SECONDS = 10.0
"""How long replicas have to take work into their hands before one is struck without."""


class Stuck(AssertionError):
    """A run in which nothing moves any more."""


class _Patience:
    """Ends a run that stands still, or never comes to an end."""

    def __init__(self, began: float, seconds: float) -> None:
        self._moved = began
        self._latest = began + seconds
        self._signs = ""

    def look(self, signs: str) -> None:
        now = time.monotonic()
        if signs != self._signs:
            self._signs, self._moved = signs, now
        if now > self._latest or now > self._moved + STILL_SECONDS:
            raise Stuck(f"{'nothing moves' if now <= self._latest else 'no end in sight'}: {signs}")


class Chaos:
    """Sees to it that what is planned happens, at its time."""

    def __init__(  # noqa: PLR0913  # all that takes part
        self,
        js: JetStreamContext,
        server: NatsServer,
        fleet: Fleet,
        messages: Sequence[Message],
        plan: Mischief,
        *,
        freeze_seconds: float,
    ) -> None:
        self._js = js
        self._server = server
        self._fleet = fleet
        self._planned = list(plan.blows)
        self._freeze_seconds = freeze_seconds
        self._server_at = plan.server_at * len(messages)
        self._total = len(messages)
        lengths = Counter(stream_of(message.subject) for message in messages)
        self._reads = {
            name: sum(lengths[durable.stream] for durable in DURABLES if durable.consumer == name) for name in CONSUMERS
        }
        self._killing = {name: asyncio.Lock() for name in CONSUMERS}
        self.publisher = Publisher(js, messages)
        self.blows: list[tuple[Blow, bool]] = []
        """Each with whether the replica had work in its hands."""
        self.server_kills = 0
        self.seconds = 0.0
        """From the first message to the last door."""
        self.published_seconds = 0.0

    async def run(self) -> Standing:
        """The standing in which nothing is left to do.

        Raises:
            Stuck: it takes too long; says where it stands. It comes in the group of a task group.
        """
        began = time.monotonic()
        patience = _Patience(began, LONGEST_SECONDS + SECONDS_A_MESSAGE * self._total)
        async with asyncio.TaskGroup() as doing:
            publishing = doing.create_task(self.publisher.run())
            striking: list[asyncio.Task[None]] = []
            while True:
                self._fleet.look()
                standing = await Standing.read(self._js)
                if standing is not None:
                    await self.publisher.allow(max(0, ROOM - standing.backlog))
                    striking += [doing.create_task(self._strike(blow)) for blow in self._due(standing)]
                    struck = not self._planned and all(blow.done() for blow in striking)
                    if publishing.done() and struck and not standing.left:
                        break
                await self._server_due()
                if publishing.done() and not self.published_seconds:
                    self.published_seconds = time.monotonic() - began
                patience.look(f"{self.publisher.acknowledged} of {self._total} published\n{standing or 'no server'}")
                await asyncio.sleep(LOOK_SECONDS)
        self.seconds = time.monotonic() - began
        return standing

    def _due(self, standing: Standing) -> list[Blow]:
        due = [
            blow for blow in self._planned if standing.progress(blow.consumer) >= blow.at * self._reads[blow.consumer]
        ]
        self._planned = [blow for blow in self._planned if blow not in due]
        return due

    async def _strike(self, blow: Blow) -> None:
        if blow.kind == "freeze":
            await self._fleet.freeze(await self._aim(blow), self._freeze_seconds)
            return
        async with self._killing[blow.consumer]:  # no two blows for one process
            await self._fleet.kill(await self._aim(blow))

    async def _aim(self, blow: Blow) -> str:
        """The first replica that has work in hand; when none takes any for long, the first."""
        deadline = time.monotonic() + AIM_SECONDS
        while time.monotonic() < deadline:
            for replica in blow.replicas:
                if await self._fleet.has_work(replica):
                    self.blows.append((blow, True))
                    return replica
            await asyncio.sleep(0.01)
        self.blows.append((blow, False))
        return blow.replicas[0]

    async def _server_due(self) -> None:
        if not self.server_kills and self.publisher.acknowledged >= self._server_at:
            await asyncio.to_thread(self._server.kill)
            await asyncio.to_thread(self._server.start)
            self.server_kills += 1
