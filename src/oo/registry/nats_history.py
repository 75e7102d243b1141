"""The history as a JetStream stream of its own, a subject for each model, policy and prompt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header, RawStreamMsg
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError
from pydantic import ValidationError

from oo.bus.keys import key_part
from oo.bus.server_codes import NO_MESSAGE, OUTRUN
from oo.bus.stream_reader import messages
from oo.errors import BusUnreachable, HistoryMoved, HistoryUnreachable, faults
from oo.events.subjects import StreamName
from oo.registry.history import Recorded, Subject, Transition

_STREAM: StreamName = "HISTORY"


class NatsHistory:
    """Transitions as JSON in the stream HISTORY; the server itself compares before it writes, and deletes nothing.

    Whoever wrote a transition finds it at once: what another replica than the leader may not have heard of yet is read
    from the leader.

    Args:
        js: where the stream is, and how long an answer may take.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._client = js._nc  # noqa: SLF001  # the context has no public way to its connection

    async def append(self, transition: Transition, *, after: int) -> Recorded:
        """As in `History`."""
        subject = transition.subject
        # No message id beside it: the comparison alone lets nobody write twice. A server that looks at ids first would
        # take the second of two writers for the first one come again, and tell it that all went well.
        expected = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(after)}
        data = transition.model_dump_json().encode()
        with self._answering():
            try:
                written = await self._js.publish(_on(subject), data, stream=_STREAM, headers=expected)
            except APIError as error:
                if error.err_code not in OUTRUN:
                    raise
                raise HistoryMoved(
                    f"the history of {subject} is no longer at {after}; read it and decide again"
                ) from error
        return Recorded(sequence=written.seq, transition=transition)

    async def of(self, subject: Subject, *, until: datetime | None = None) -> Sequence[Recorded]:
        """As in `History`."""
        name = _on(subject)
        with self._answering():
            stored = [message async for message in messages(self._js, _STREAM, subject=name)]
        found = [_recorded(message.metadata.sequence.stream, message.data) for message in stored]
        while newer := await self._message(subject=name, seq=found[-1].sequence + 1 if found else 1, next=True):
            found.append(_recorded(newer.seq, newer.data))
        return [recorded for recorded in found if until is None or recorded.transition.at <= until]

    async def subjects(self) -> Sequence[Subject]:
        """As in `History`."""
        with self._answering():
            names = (await self._js.stream_info(_STREAM, subjects_filter=">")).state.subjects or {}
        newest = [await self._message(subject=name) for name in names]
        found = [_recorded(message.seq, message.data).transition.subject for message in newest if message]
        return sorted(found, key=lambda subject: (subject.kind, subject.name))

    async def _message(self, **which: Any) -> RawStreamMsg | None:  # noqa: ANN401  # as the client has them
        with self._answering():
            try:
                return await self._js.get_msg(_STREAM, **which)
            except NotFoundError as error:
                if error.err_code != NO_MESSAGE:
                    raise
        return None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            if not self._client.is_connected:  # what is sent now would be written some time later, unexpectedly
                raise ConnectionReconnectingError
            yield
        except (NotFoundError, NoStreamResponseError) as error:
            raise HistoryUnreachable(f"the NATS server has no stream {_STREAM}; `oo bootstrap` makes it") from error
        except (NatsError, OSError, BusUnreachable) as error:
            refusal = self._client.last_error  # a refused permission shows as silence, and its reason here alone
            cause = error if isinstance(error, APIError) or refusal is None else refusal
            raise HistoryUnreachable(
                f"the history does not answer ({cause}); is the NATS server running, and may this user use the stream"
                f" {_STREAM}? To try again is safe: nothing is written twice"
            ) from error


def _on(subject: Subject) -> str:
    return f"history.{subject.kind}.{key_part(subject.name)}"


def _recorded(sequence: int | None, data: bytes | None) -> Recorded:
    try:
        transition = Transition.model_validate_json(data or b"")
    except ValidationError as error:
        raise HistoryUnreachable(
            f"entry {sequence} of the history cannot be read ({faults(error, 'transition')});"
            " a newer version of oO may have written it"
        ) from error
    return Recorded(sequence=sequence or 0, transition=transition)
