"""From deliveries to events and back to doors: what every consumer's handler begins and ends with."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from oo.bus.consumer import Handle
from oo.bus.delivery import Acknowledge, Delivery, Door, Reject
from oo.bus.routing import decode_or_reject
from oo.bus.tombstones import Tombstones
from oo.events.envelope import Envelope
from oo.telemetry import ERASED, EVENT_AGE

Told = tuple[Delivery, Envelope]
Apply = Callable[[Sequence[Told]], Awaitable[Sequence[Door]]]


def events_only(
    apply: Apply,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    tombstones: Tombstones | None = None,
    traces: bool = False,
) -> Handle:
    """A handler that rejects what is no event of the contract, and gives the rest of the batch to `apply`.

    How old the events were when that had been done goes into a metric.

    Args:
        apply: what to do with events.
        now: the moment.
        tombstones: whose events are acknowledged and have no effect. They are asked after the batch has come, so what
            is delivered after a person was erased is always judged by it.
        traces: give `apply` those events too, without the person's id and the message's bytes.
    """

    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Door]:
        decoded = [decode_or_reject(delivery) for delivery in deliveries]
        pairs = list(zip(deliveries, decoded, strict=True))
        events = [(delivery, event) for delivery, event in pairs if isinstance(event, Envelope)]
        erased: set[int] = set()
        if tombstones is not None and events:
            await tombstones.refresh()
            erased = {delivery.sequence for delivery, event in events if tombstones.cover(event)}
            if erased:
                events = [_blank(told) if told[0].sequence in erased else told for told in events]
                events = [told for told in events if traces or told[0].sequence not in erased]
        doors = await apply(events) if events else ()
        if erased:
            ERASED.labels(deliveries[0].durable).inc(len(erased))
        if events:
            moment, age = now(), EVENT_AGE.labels(events[0][0].durable)
            for _, event in events:
                age.observe(max(0.0, (moment - event.occurred_at).total_seconds()))
        door_of: dict[int, Door] = dict.fromkeys(erased, Acknowledge())
        door_of |= {delivery.sequence: door for (delivery, _), door in zip(events, doors, strict=True)}
        return [event if isinstance(event, Reject) else door_of[delivery.sequence] for delivery, event in pairs]

    return handle


def _blank(told: Told) -> Told:
    delivery, envelope = told
    # A copy is not validated: no event of the contract has an empty id.
    return replace(delivery, data=b""), envelope.model_copy(update={"user_id": ""})
