"""What is published: an event, or what only looks like one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from oo.events.codec import decode
from oo.events.envelope import Envelope
from oo.events.subjects import DURABLES, STREAMS, ConsumerName

Role = Literal["event", "duplicate", "poison"]


@dataclass(frozen=True, slots=True)
class Message:
    subject: str
    data: bytes
    envelope: Envelope | None
    """None for what nobody can read."""
    reasons: Mapping[ConsumerName, str] = field(default_factory=dict)
    """Who has to reject it, and for which reason."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the message id, which is its place among all."""
    role: Role = "event"


def event(subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> Message:
    return Message(subject, data, decode(data), headers=headers or {})


def poison(subject: str, data: bytes, reason: str) -> Message:
    """What all who read the subject have to reject."""
    return Message(subject, data, None, dict.fromkeys(readers(subject), reason), role="poison")


def readers(subject: str) -> tuple[ConsumerName, ...]:
    return tuple(durable.consumer for durable in DURABLES if any(takes(each, subject) for each in durable.subjects))


def stream_of(subject: str) -> str:
    return next(name for name, patterns in STREAMS.items() if any(takes(each, subject) for each in patterns))


def takes(pattern: str, subject: str) -> bool:
    return subject.startswith(pattern[:-1]) if pattern.endswith(">") else subject == pattern
