"""The dead-letter stream: the exact bytes of what was rejected, and why."""

from nats.js import JetStreamContext
from nats.js.api import Header

from oo.bus.delivery import Delivery, Reject
from oo.events.subjects import ConsumerName, dead_letter_subject

_MAX_HEADER_CHARS = 1_000


async def bury(js: JetStreamContext, consumer: ConsumerName, delivery: Delivery, reject: Reject) -> None:
    """Publish a rejected delivery to `dlq.<consumer>`, acknowledged, once however often it is rejected.

    The payload is the original's; `Oo-Reason`, `Oo-Error`, `Oo-Subject`, `Oo-Stream`, `Oo-Sequence` and `Oo-Delivered`
    say what it was. Header values are ASCII of at most 1,000 characters, the rest escaped and cut.

    Raises:
        nats.errors.Error: the stream did not acknowledge, so the original has to stay.
    """
    headers = {
        "Oo-Reason": reject.reason,
        "Oo-Error": reject.error,
        "Oo-Subject": delivery.subject,
        "Oo-Stream": delivery.stream,
        "Oo-Sequence": str(delivery.sequence),
        "Oo-Delivered": str(delivery.delivered),
        # What the dedupe window knows it by, should it be rejected again.
        Header.MSG_ID: f"{consumer}.{delivery.stream}.{delivery.sequence}",
    }
    await js.publish(
        dead_letter_subject(consumer), delivery.data, headers={name: _plain(value) for name, value in headers.items()}
    )


def _plain(value: str) -> str:
    return value.encode("ascii", "backslashreplace").decode()[:_MAX_HEADER_CHARS]
