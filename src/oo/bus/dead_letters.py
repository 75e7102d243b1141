"""A dead letter: the exact bytes of what was rejected, why, and all that putting it back needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import Header, RawStreamMsg
from pydantic_core import from_json

from oo.bus.delivery import Delivery, Reject
from oo.events.subjects import ConsumerName, dead_letter_subject

# What the streams refuse (oo.bus.streams) leaves 44,480 bytes below a `max_payload` of 1 MiB for a letter's headers. A
# character is escaped to at most ten, and the server takes no subject over 4,096 bytes, so these together stay below.
_ERROR_CHARS = 1_000
_WORD_CHARS = 100
_ORIGINAL_BYTES = 8_192
_ORIGINAL_HEADERS = 64

_ORIGINAL = "Oo-Original-"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_UNPRINTABLE = re.compile(r"[^ -\[\]-~]")
_ESCAPED = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U00(?:0[0-9a-f]|10)[0-9a-f]{4})")


async def bury(js: JetStreamContext, consumer: ConsumerName, delivery: Delivery, reject: Reject) -> None:
    """Publish a rejected delivery to `dlq.<consumer>`, acknowledged, once however often it is rejected.

    Once within the dedupe window: after it the same rejection makes a second letter, known by its `Letter.identity`.

    Raises:
        nats.errors.MaxPayloadError: the server takes no message of that size; nothing was sent.
        nats.errors.Error: the stream did not acknowledge, so the original has to stay.
    """
    headers = _headers(consumer, delivery, reject)
    size = len(delivery.data) + len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {headers[name]}\r\n") for name in headers)
    # The client looks at the payload alone, and a server that receives more than its max_payload cuts the connection.
    if size > js._nc.max_payload:  # noqa: SLF001  # the context has no public way to its connection
        raise MaxPayloadError
    await js.publish(dead_letter_subject(consumer), delivery.data, headers=headers)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as its stream holds it."""

    sequence: int
    """Its place in the DLQ stream."""
    consumer: str
    """Who rejected the original."""
    buried_at: datetime
    schema_version: str | None
    """What the payload says of itself; None when that cannot be told."""
    reject: Reject
    original: Delivery
    """What was rejected, as it was delivered. Without a stream when this program did not write the letter."""
    headers_dropped: int
    """How many of the original's headers found no room or had a name that cannot be sent again."""

    @property
    def identity(self) -> tuple[str, str, int]:
        """What was rejected and by whom: two letters with one identity tell of one message."""
        return self.consumer, self.original.stream, self.original.sequence

    @classmethod
    def of(cls, message: RawStreamMsg) -> Self:
        """The letter in a message of the DLQ stream, whoever wrote it: what it does not say is empty."""
        headers = {name: _unescaped(str(value)) for name, value in (message.headers or {}).items()}
        if message.seq is None or message.subject is None or message.time is None:
            raise ValueError("the server gave a message without sequence, subject or time")
        return cls(
            sequence=message.seq,
            consumer=message.subject.removeprefix("dlq."),
            buried_at=message.time,
            schema_version=headers.get("Oo-Schema-Version"),
            reject=Reject(headers.get("Oo-Reason", ""), headers.get("Oo-Error", ""), headers.get("Oo-Exception")),
            original=Delivery(
                subject=headers.get("Oo-Subject", ""),
                data=message.data or b"",
                headers={name.removeprefix(_ORIGINAL): headers[name] for name in headers if name.startswith(_ORIGINAL)},
                stream=headers.get("Oo-Stream", ""),
                sequence=_number(headers.get("Oo-Sequence")),
                published_at=_moment(headers.get("Oo-Published-At")) or message.time,
                delivered=_number(headers.get("Oo-Delivered")),
            ),
            headers_dropped=_number(headers.get("Oo-Headers-Dropped")),
        )


def _headers(consumer: ConsumerName, delivery: Delivery, reject: Reject) -> dict[str, str]:
    original = dict(_kept(delivery.headers))
    said = {
        "Oo-Reason": reject.reason[:_WORD_CHARS],
        "Oo-Error": " ".join(reject.error.split())[:_ERROR_CHARS],
        "Oo-Exception": reject.exception and reject.exception[:_WORD_CHARS],
        "Oo-Schema-Version": _schema_version(delivery.data),
        "Oo-Subject": delivery.subject,
        "Oo-Stream": delivery.stream,
        "Oo-Sequence": str(delivery.sequence),
        "Oo-Published-At": delivery.published_at.isoformat(),
        "Oo-Delivered": str(delivery.delivered),
        "Oo-Headers-Dropped": str(dropped) if (dropped := len(delivery.headers) - len(original)) else None,
        # What the dedupe window knows it by, should it be rejected again.
        Header.MSG_ID.value: f"{consumer}.{delivery.stream}.{delivery.sequence}",
    }
    return {name: _escaped(value) for name, value in said.items() if value is not None} | original


def _kept(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The original's headers that fit, whole or not at all: a header that was cut says something else."""
    room = _ORIGINAL_BYTES
    for name, value in list(headers.items())[:_ORIGINAL_HEADERS]:
        kept = f"{_ORIGINAL}{name}", _escaped(value)
        size = sum(map(len, kept)) + len(": \r\n")
        if _NAME.fullmatch(name) and size <= room:
            room -= size
            yield kept


def _schema_version(data: bytes) -> str | None:
    try:
        # Partial: also from JSON that was cut off.
        document = from_json(data, allow_partial=True)
    except ValueError:
        return None
    version = document.get("schemaVersion") if isinstance(document, dict) else None
    return version[:_WORD_CHARS] if isinstance(version, str) else None


def _escaped(text: str) -> str:
    """Printable ASCII without a line break; a backslash is escaped too, so that `_unescaped` gives back the text."""

    def escape(match: re.Match[str]) -> str:
        number = ord(match[0])
        return f"\\x{number:02x}" if number < 1 << 8 else f"\\u{number:04x}" if number < 1 << 16 else f"\\U{number:08x}"

    return _UNPRINTABLE.sub(escape, text)


def _unescaped(text: str) -> str:
    text = _ESCAPED.sub(lambda match: chr(int(match[1][1:], 16)), text)
    return text.encode(errors="replace").decode()  # half a surrogate pair could not be sent again


def _number(text: str | None) -> int:
    """The number in a header; 0 when it holds none."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,20}", text) else 0


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
