"""Where the consumers stand, as the server knows it."""

import asyncio
from dataclasses import dataclass

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from oo.events.subjects import DURABLES, ConsumerName, Durable


@dataclass(frozen=True, slots=True)
class Standing:
    """All durables at about one moment."""

    infos: tuple[tuple[Durable, ConsumerInfo], ...]

    @classmethod
    async def read(cls, js: JetStreamContext) -> "Standing | None":
        """None while the server is away."""
        try:
            infos = await asyncio.gather(*(js.consumer_info(durable.stream, durable.name) for durable in DURABLES))
        except (NatsError, OSError):
            return None
        return cls(tuple(zip(DURABLES, infos, strict=True)))

    @property
    def backlog(self) -> int:
        """Of the durable that is farthest behind."""
        return max(_left(info) for _, info in self.infos)

    @property
    def left(self) -> int:
        """Messages that have not left their durable for good."""
        return sum(_left(info) for _, info in self.infos)

    def progress(self, consumer: ConsumerName) -> int:
        """Through how many messages of its streams the consumer has been taken, at least once."""
        return sum(
            info.delivered.stream_seq
            for durable, info in self.infos
            if durable.consumer == consumer and durable.stream != "ADVISORIES" and info.delivered
        )

    def deliveries(self, durable: Durable) -> int:
        """How many there were, redeliveries among them."""
        return sum(info.delivered.consumer_seq for one, info in self.infos if one == durable and info.delivered)

    def __str__(self) -> str:
        return "\n".join(
            f"  {durable.name}: {info.num_pending} pending, {info.num_ack_pending} unacknowledged,"
            f" {info.num_redelivered} redelivered, through {info.delivered and info.delivered.stream_seq}"
            for durable, info in self.infos
        )


def _left(info: ConsumerInfo) -> int:
    return (info.num_pending or 0) + (info.num_ack_pending or 0)
