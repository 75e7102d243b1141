"""A row of the offline store: one message as its stream held it, with the columns that readers select by."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Self

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.bus.delivery import Delivery
from oo.events.envelope import Envelope, Event


@dataclass(frozen=True, slots=True)
class Archived:
    """A valid event of the bus, as the offline store keeps it. Times are aware, in UTC."""

    stream: str
    sequence: int
    """Its place in the stream: with `stream` the message's identity for ever."""
    subject: str
    """Where it travelled; a shadow's decision is told by it."""
    event_type: str
    event_id: str
    schema_version: str
    tenant_id: str
    user_id: str
    """Personal data. Empty when the person was erased, as no person's is: then the payload is empty too, and the rest
    stays as the trace of a message that was there."""
    decision_id: str | None
    """The decision that it is or speaks of; None for signals."""
    occurred_at: datetime
    """Event time, to the microsecond; the payload may be finer."""
    published_at: datetime
    """When the stream stored it."""
    day: date
    """The UTC date of `published_at`."""
    payload: str
    """The message's JSON exactly as it was sent, so that fields of a newer contract survive. Personal data."""

    @classmethod
    def of(cls, delivery: Delivery, envelope: Envelope) -> Self:
        """The row for a message and the envelope that was decoded from it."""
        published_at = delivery.published_at.astimezone(UTC)
        return cls(
            stream=delivery.stream,
            sequence=delivery.sequence,
            subject=delivery.subject,
            event_type=envelope.event_type,
            event_id=envelope.event_id,
            schema_version=envelope.schema_version,
            tenant_id=envelope.tenant_id,
            user_id=envelope.user_id,
            decision_id=_decision_of(envelope.event),
            occurred_at=envelope.occurred_at,
            published_at=published_at,
            day=published_at.date(),
            payload=delivery.data.decode(),
        )


COLUMNS = tuple(field.name for field in fields(Archived))

_TYPES = {
    "sequence": pa.int64(),
    "occurred_at": pa.timestamp("us", tz="UTC"),
    "published_at": pa.timestamp("us", tz="UTC"),
    "day": pa.date32(),
}
SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, pa.string())) for name in COLUMNS])


def as_table(rows: Iterable[Archived]) -> pa.Table:
    """The rows as a table of `SCHEMA`."""
    columns = list(zip(*map(attrgetter(*COLUMNS), rows), strict=True)) or [()] * len(COLUMNS)
    arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _decision_of(event: Event) -> str | None:
    # Not a getattr with a default: to miss an attribute of a model takes longer than all the rest of a row.
    names = type(event).model_fields
    return getattr(event, "decision_id") if "decision_id" in names else None  # noqa: B009  # most events have none
