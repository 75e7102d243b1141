"""From deliveries to events and back to doors: what every consumer's handler begins and ends with."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from oo.bus.consumer import Handle
from oo.bus.delivery import Delivery, Door, Reject
from oo.bus.routing import decode_or_reject
from oo.events.envelope import Envelope
from oo.telemetry import EVENT_AGE

Apply = Callable[[Sequence[tuple[Delivery, Envelope]]], Awaitable[Sequence[Door]]]


def events_only(apply: Apply, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Handle:
    """A handler that rejects what is no event of the contract, and gives the rest of the batch to `apply`.

    How old the events were when that had been done goes into a metric.
    """

    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Door]:
        decoded = [decode_or_reject(delivery) for delivery in deliveries]
        pairs = list(zip(deliveries, decoded, strict=True))
        events = [(delivery, event) for delivery, event in pairs if isinstance(event, Envelope)]
        doors = await apply(events) if events else ()
        if events:
            moment, age = now(), EVENT_AGE.labels(events[0][0].durable)
            for _, event in events:
                age.observe(max(0.0, (moment - event.occurred_at).total_seconds()))
        door_of = {delivery.sequence: door for (delivery, _), door in zip(events, doors, strict=True)}
        return [event if isinstance(event, Reject) else door_of[delivery.sequence] for delivery, event in pairs]

    return handle
