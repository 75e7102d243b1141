"""A delivered message, and the three doors by which it may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as a durable delivered it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    stream: str
    sequence: int
    """Its place in the stream: with `stream` the message's identity for ever."""
    published_at: datetime
    """When the stream stored it."""
    delivered: int
    """1 for the first delivery; higher when an earlier one may have had its effect already."""
    durable: str = field(default="", compare=False)
    """The name of the durable that delivered it, empty when it was read past them all."""

    @classmethod
    def of(cls, message: Msg) -> Self:
        """The delivery that a NATS message holds."""
        metadata = message.metadata
        return cls(
            subject=message.subject,
            data=message.data,
            headers=message.headers or {},
            stream=metadata.stream,
            sequence=metadata.sequence.stream,
            published_at=metadata.timestamp,
            delivered=metadata.num_delivered,
            durable=metadata.consumer,
        )

    @classmethod
    def stored(cls, stream: str, message: RawStreamMsg, delivered: int) -> Self:
        """The delivery of a message that was read from its stream, past all durables."""
        return cls(
            subject=message.subject,  # type: ignore[arg-type]  # the server says it of every message
            data=message.data or b"",
            # What is no ASCII comes as an object of the parser's own.
            headers={name: str(value) for name, value in (message.headers or {}).items()},
            stream=stream,
            sequence=message.seq,  # type: ignore[arg-type]  # as the subject
            published_at=message.time,  # type: ignore[arg-type]  # the same
            delivered=delivered,
        )


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Its effect is durable."""


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """It cannot have its effect now; deliver it again after so many seconds, spread by up to half as much.

    When it was its last try, it is rejected with this `reason` as error instead, so without personal data.
    """

    seconds: float
    reason: str
    exception: str | None = None
    """The class of what was raised, when something was."""


@dataclass(frozen=True, slots=True)
class Reject:
    """It can never have its effect: to the dead-letter stream.

    `reason` is one of a few fixed words, which metrics count; `error` says what is wrong, without personal data.
    """

    reason: str
    error: str
    exception: str | None = None
    """The class of what was raised, when something was."""


Door = Acknowledge | RetryAfter | Reject
