"""Into the dead letters, whatever the size."""

import logging
from dataclasses import replace

from nats.errors import MaxPayloadError
from nats.js import JetStreamContext

from oo.bus.dead_letters import bury
from oo.bus.delivery import Delivery, Reject
from oo.events.subjects import ConsumerName
from oo.telemetry import DEAD_LETTERS

_log = logging.getLogger(__name__)

MAX_DELIVERIES = "max_deliveries"
"""The reason of what was delivered as often as it may be, and left by no other door."""
NO_DOOR = "its process died each time, or could not answer the server"
"""What must have happened when nothing was heard of a delivery."""


async def bury_any(js: JetStreamContext, consumer: ConsumerName, delivery: Delivery, reject: Reject) -> None:
    """Bury a delivery as `bury` does; one that the server no longer takes is named by a letter without its bytes.

    That happens when `max_payload` was lowered after the message was stored. Its bytes stay in its stream, where the
    letter's `Oo-Stream` and `Oo-Sequence` say, until the stream's age limit.

    Raises:
        nats.errors.Error: see `bury`.
    """
    try:
        await bury(js, consumer, delivery, reject)
    except MaxPayloadError:
        size = len(delivery.data)
        _log.error(
            "too large for a dead letter, its bytes stay in its stream; raise max_payload and read it from there",
            extra={"stream": delivery.stream, "sequence": delivery.sequence, "bytes": size},
        )
        error = f"{reject.error}; its {size} bytes are over the server's max_payload and stay in its stream"
        await bury(js, consumer, replace(delivery, data=b""), replace(reject, error=error))
    DEAD_LETTERS.labels(consumer, reject.reason).inc()
