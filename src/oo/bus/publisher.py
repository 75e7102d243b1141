"""Publishing with an acknowledgement: an event is in its stream when the call returns."""

import asyncio
import re
from collections.abc import Callable, Iterable
from hashlib import sha256

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck
from nats.js.errors import APIError

from oo.bus.routing import subject_of
from oo.bus.server_codes import OVER_MAX_MSG_SIZE
from oo.bus.streams import MAX_EVENT_BYTES
from oo.errors import MessageTooLarge, PublishFailed
from oo.events.envelope import Envelope

_HEADER_SAFE = re.compile(r"[!-~]+")
IN_FLIGHT = 256
"""Events that `publish_many` has under way at once."""


async def publish(
    js: JetStreamContext,
    envelope: Envelope,
    *,
    subject: str | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109  # handed to the client, which raises its own error at the end of it
) -> PubAck:
    """The stream's acknowledgement of this event, which is stored once however often it is published.

    Args:
        js: where to publish.
        envelope: what to publish; its event id is the message's.
        subject: where to, when it is not the subject of the table.
        timeout: seconds within which the stream must acknowledge.

    Raises:
        MessageTooLarge: the event is over the limit of the bus; nothing was stored, and no repetition will change that.
        PublishFailed: there was no acknowledgement. The event may be stored all the same; to publish it again is safe.
    """
    subject = subject or subject_of(envelope)
    data = envelope.to_json()
    # Checked here because a server that receives more than its max_payload, headers included, cuts the connection.
    if len(data) > MAX_EVENT_BYTES:
        raise _too_large(envelope, data, MAX_EVENT_BYTES)
    try:
        return await js.publish(subject, data, timeout=timeout, headers={Header.MSG_ID: message_id(envelope.event_id)})
    except MaxPayloadError as error:
        raise _too_large(envelope, data, "less, by its max_payload") from error
    except (NatsError, OSError) as error:
        if isinstance(error, APIError) and error.err_code == OVER_MAX_MSG_SIZE:
            raise _too_large(envelope, data, "less, by its stream's max_msg_size") from error
        raise PublishFailed(
            f"{subject} did not acknowledge {envelope.event_type} {envelope.event_id} ({error}); publish it again"
        ) from error


def message_id(event_id: str) -> str:
    """What the stream knows the event by: its id, or a digest of one that a header would not carry as it is."""
    # The client strips spaces and line ends, so that two ids could become one and the second event be dropped.
    return event_id if _HEADER_SAFE.fullmatch(event_id) else sha256(event_id.encode()).hexdigest()


def _too_large(envelope: Envelope, data: bytes, limit: object) -> MessageTooLarge:
    name = f"{envelope.event_type} {envelope.event_id}"
    return MessageTooLarge(f"{name} has {len(data)} bytes and the bus takes {limit}; send less in it")


async def publish_many(
    js: JetStreamContext, envelopes: Iterable[Envelope], progress: Callable[[int], None] | None = None
) -> int:
    """The number of events published, each acknowledged, `IN_FLIGHT` under way at once and so in no set order.

    Args:
        js: where to publish.
        envelopes: drawn one by one, so a generator of millions is fine.
        progress: called with the number acknowledged so far, after each.

    Raises:
        MessageTooLarge: see `publish`; events after it were not published.
        PublishFailed: the same.
    """
    events = iter(envelopes)  # one iterator that all workers draw from
    published = 0

    async def work() -> None:
        nonlocal published
        for envelope in events:
            await publish(js, envelope)
            published += 1
            if progress is not None:
                progress(published)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(IN_FLIGHT):
                workers.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return published
