"""The person's messages in a stream."""

from collections import Counter
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus.deletion import delete
from oo.bus.stream_reader import messages
from oo.bus.tombstones import Person
from oo.erasure.belonging import match
from oo.erasure.place import Found, Progress
from oo.errors import BusUnreachable
from oo.events.subjects import StreamName


class Messages:
    """What one stream holds; each is deleted, and its bytes are overwritten on the server's disk.

    All of the stream is read, not what the archive says of it: it may lag, and it has no row of what is no event.

    Args:
        js: where the stream is.
        stream: which.
        person: whose messages.
        until: of what happened, included.
    """

    def __init__(self, js: JetStreamContext, stream: StreamName, person: Person, until: datetime) -> None:
        self.name = f"stream {stream}"
        self._js = js
        self._stream = stream
        self._person = person
        self._until = until

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        """As in `Place`."""
        matched: Counter[str] = Counter()
        removed = 0
        try:
            async for message in messages(self._js, self._stream, progress):
                metadata = message.metadata
                how = match(message.data, self._person, self._until, metadata.timestamp)
                if how is not None:
                    matched[how] += 1
                    removed += remove and await delete(self._js, self._stream, metadata.sequence.stream)
        except (NatsError, OSError) as error:
            raise BusUnreachable(f"{self.name} could not be read or changed ({error!r}); run it again") from error
        return Found(matched.total(), removed, doubts(self.name, matched))


def doubts(place: str, matched: Counter[str]) -> tuple[str, ...]:
    """What to say of those that are no events and were taken for the person's all the same."""
    values, spelled = matched["value"], matched["bytes"]
    if not values and not spelled:
        return ()
    read = f"{place}: {matched['event']} are events of theirs"
    return (f"{read}; {values} are none but have the id as a JSON value, {spelled} are no JSON but have it in quotes",)
