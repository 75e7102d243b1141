"""Which subject an event travels on: where it is published, and whether it came on the right one."""

from oo.bus.delivery import Delivery, Reject
from oo.errors import InvalidEvent, UnknownSchemaVersion
from oo.events.codec import decode
from oo.events.decision import Decided, ServingRole
from oo.events.envelope import Envelope
from oo.events.subjects import SUBJECTS, shadow_subject

INVALID_EVENT = "invalid_event"
UNKNOWN_SCHEMA_VERSION = "unknown_schema_version"
WRONG_SUBJECT = "wrong_subject"


def subject_of(envelope: Envelope) -> str:
    """The subject of this envelope in the table; a shadow's decision has its own."""
    subject = SUBJECTS[envelope.event_type]
    event = envelope.event
    if isinstance(event, Decided) and event.serving_role is ServingRole.SHADOW:
        return shadow_subject(subject)
    return subject


def decode_or_reject(delivery: Delivery) -> Envelope | Reject:
    """The delivered event, or the door for what is none or came on a subject where it does not belong."""
    try:
        envelope = decode(delivery.data)
    except UnknownSchemaVersion as error:
        return Reject(UNKNOWN_SCHEMA_VERSION, str(error))
    except InvalidEvent as error:
        return Reject(INVALID_EVENT, str(error))
    expected = subject_of(envelope)
    if delivery.subject != expected:
        return Reject(WRONG_SUBJECT, f"this {envelope.event_type} belongs on {expected}")
    return envelope
