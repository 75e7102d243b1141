"""What the server gave up on: from JetStream's advisories to the dead letters."""

import logging
from collections.abc import Sequence

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import BaseModel, PositiveInt, ValidationError

from oo.bus.backoff import growing
from oo.bus.burial import MAX_DELIVERIES, NO_DOOR, bury_any
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject, RetryAfter
from oo.bus.server_codes import NO_MESSAGE
from oo.events.subjects import DURABLES
from oo.telemetry import LOST

_log = logging.getLogger(__name__)

_NAMED = {durable.name: durable for durable in DURABLES}


class _Advisory(BaseModel):
    stream: str
    consumer: str
    stream_seq: PositiveInt
    deliveries: PositiveInt


class ExceededBurial:
    """A handler for the durables of the ADVISORIES: each names a message, which it puts into the dead letters.

    The consumer itself buries what comes for the last time, so these are the messages for which that failed too: their
    process died or the dead letters were away. Burying again what was buried makes no second letter.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def __call__(self, deliveries: Sequence[Delivery]) -> Sequence[Door]:
        """A door for each advisory."""
        return [await self._door(delivery) for delivery in deliveries]

    async def _door(self, delivery: Delivery) -> Door:
        try:
            advisory = _Advisory.model_validate_json(delivery.data)
            durable = _NAMED[advisory.consumer]
        except (ValidationError, KeyError) as error:
            return Reject("invalid_advisory", "not an advisory about a durable of ours", type(error).__name__)
        named = {"durable": durable.name, "stream": advisory.stream, "sequence": advisory.stream_seq}
        why = f"{advisory.deliveries} deliveries ended without a door: {NO_DOOR}"
        try:
            original = await self._original(advisory)
            await bury_any(self._js, durable.consumer, original, Reject(MAX_DELIVERIES, why))
        except NotFoundError as error:
            if error.err_code != NO_MESSAGE:  # such as a stream that is just being made again
                return RetryAfter(growing(delivery.delivered), str(error))
            LOST.labels(durable.name).inc()
            _log.error("past its deliveries, and gone from its stream", extra=named)
        except NatsError as error:
            _log.error("past its deliveries, not buried yet", extra=named | {"error": repr(error)})
            return RetryAfter(growing(delivery.delivered), "the bus did not answer", type(error).__name__)
        else:
            _log.warning("past its deliveries, buried", extra=named)
        return Acknowledge()

    async def _original(self, advisory: _Advisory) -> Delivery:
        stored = await self._js.get_msg(advisory.stream, advisory.stream_seq)
        return Delivery.stored(advisory.stream, stored, advisory.deliveries)
