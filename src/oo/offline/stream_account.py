"""What a stream says of its own messages: how far the archive has come, what was deleted, what was rejected."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from oo.bus.delivery import Delivery, Reject
from oo.bus.routing import decode_or_reject
from oo.bus.stream_reader import messages
from oo.errors import BusUnreachable
from oo.events.subjects import DURABLES, StreamName, dead_letter_subject

_ARCHIVE = {durable.stream: durable for durable in DURABLES if durable.consumer == "archive"}
ARCHIVED_STREAMS: tuple[StreamName, ...] = ("SIGNALS", "FEEDBACK", "DECISIONS")
"""The streams whose every message the archive reads."""


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """A stream and its archive durable at one moment."""

    stream: StreamName
    created: datetime
    """A stream that was deleted and made again counts from 1 again: only rows published since then are its own."""
    acknowledged: int
    """The archive has acknowledged or rejected every message through this sequence."""
    deleted: npt.NDArray[np.int64]
    """Between the first and the last message of the stream those that were deleted, ascending."""
    rejected: npt.NDArray[np.int64]
    """Those of which the archive left a dead letter, ascending."""
    told: bool = True
    """Whether the stream was asked; when not, nothing is known of what came before the table's first row."""

    @classmethod
    def untold(cls, stream: StreamName, highest: int) -> "StreamAccount":
        """What the table alone lets one expect: all between its first and its highest sequence."""
        nothing = np.array((), dtype=np.int64)
        return cls(stream, datetime(1970, 1, 1, tzinfo=UTC), highest, nothing, nothing, told=False)

    @classmethod
    async def read(cls, js: JetStreamContext, stream: StreamName) -> "StreamAccount":
        """Ask the server. To be read before the table: what is acknowledged here is in every later version of it.

        Raises:
            BusUnreachable: the server did not answer, or has no such stream or durable.
        """
        durable = _ARCHIVE[stream]
        try:
            floor = (await js.consumer_info(stream, durable.name)).ack_floor
            said = await js._api_request(  # noqa: SLF001  # the public method cannot ask for the deleted ones
                f"$JS.API.STREAM.INFO.{stream}", json.dumps({"deleted_details": True}).encode()
            )
            # The letters after the floor: a message is buried before it is terminated.
            rejected = await _rejected(js, stream, created := datetime.fromisoformat(said["created"]))
        except NotFoundError as error:
            raise BusUnreachable(f"the NATS server has no {durable.name}; `oo bootstrap` makes it") from error
        except (NatsError, OSError) as error:
            raise BusUnreachable(f"the NATS server did not tell of {stream} ({error}); try again") from error
        return cls(
            stream=stream,
            created=created,
            acknowledged=floor.stream_seq if floor else 0,
            deleted=np.array(said["state"].get("deleted") or (), dtype=np.int64),
            rejected=rejected,
        )


async def _rejected(js: JetStreamContext, stream: str, created: datetime) -> npt.NDArray[np.int64]:
    """The sequences of this stream that the archive's dead letters name."""
    found: set[int] = set()
    async for letter in messages(js, "DLQ", subject=dead_letter_subject("archive"), headers_only=True):
        headers = letter.headers or {}
        sequence = headers.get("Oo-Sequence", "")
        if headers.get("Oo-Stream") == stream and sequence.isdecimal() and letter.metadata.timestamp > created:
            found.add(int(sequence))
    return np.array(sorted(found), dtype=np.int64)


async def event_id_at(js: JetStreamContext, stream: StreamName, sequence: int) -> str | Reject | None:
    """What the stream holds at a sequence: an event's id, what is wrong with a message that is none, None for nothing.

    Raises:
        BusUnreachable: the server did not answer.
    """
    try:
        message = await js.get_msg(stream, sequence)
    except NotFoundError:
        return None
    except (NatsError, OSError) as error:
        raise BusUnreachable(f"the NATS server did not give {stream} {sequence} ({error}); try again") from error
    decoded = decode_or_reject(Delivery.stored(stream, message, delivered=1))
    return decoded if isinstance(decoded, Reject) else decoded.event_id
