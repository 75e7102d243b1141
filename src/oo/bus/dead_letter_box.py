"""The box of dead letters: looking through it, putting letters back on the bus, and throwing them away."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import Header
from nats.js.errors import APIError, NotFoundError

from oo.bus import deletion
from oo.bus.dead_letters import Letter
from oo.bus.delivery import Reject
from oo.bus.server_codes import NO_MESSAGE
from oo.errors import BusUnreachable, PublishFailed, UnknownDeadLetter
from oo.events.subjects import STREAMS, ConsumerName, StreamName

Judge = Callable[[Letter], Reject | None]
"""Why the letter's consumer would reject the original today; None when it would not."""
Progress = Callable[[int, int], None]
"""Told how many letters were looked at, of how many."""

_DLQ: StreamName = "DLQ"
_IN_FLIGHT = 32
"""Letters that are held and worked on at once: at 1 MB the most that a letter has, bounded memory."""
_SHOWN_SEQUENCES = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters: those that meet every wish that is not None."""

    sequences: tuple[int, ...] = ()
    """These only; empty for the whole box."""
    through: int | None = None
    """None later than this sequence; by default the last when the looking began."""
    consumer: ConsumerName | None = None
    reason: str | None = None
    subject: str | None = None
    """The original's subject; `signals.>` for all below `signals`."""
    since: datetime | None = None
    """Buried then or later."""
    until: datetime | None = None
    """Buried before."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is wished for."""
        return self == Selection(through=self.through)

    def takes(self, letter: Letter) -> bool:
        """Whether this letter is among them."""
        return (
            self.consumer in {None, letter.consumer}
            and self.reason in {None, letter.reject.reason}
            and (self.subject is None or _below(self.subject, letter.original.subject))
            and (self.since is None or letter.buried_at >= self.since)
            and (self.until is None or letter.buried_at < self.until)
        )


@dataclass(slots=True)
class Staying:
    """Letters that stay for one reason."""

    letters: int = 0
    error: str = ""
    """What is wrong with the first."""
    sequences: list[int] = field(default_factory=list)
    """The first few."""


@dataclass(slots=True)
class Replay:
    """What became of the letters, or in a dry run would."""

    replayed: int = 0
    staying: dict[str, Staying] = field(default_factory=dict)
    """The others, by the reason for which they would be rejected again."""

    def count(self, letter: Letter, stays: Reject | None) -> None:
        """Add one letter."""
        if stays is None:
            self.replayed += 1
            return
        staying = self.staying.setdefault(stays.reason, Staying(error=stays.error))
        staying.letters += 1
        if len(staying.sequences) < _SHOWN_SEQUENCES:
            staying.sequences.append(letter.sequence)


class DeadLetterBox:
    """The DLQ stream. It reads message by message, so it leaves no consumer behind and holds few letters at once.

    Every method raises BusUnreachable when the server does not answer, does not let us, or has no such stream.

    Args:
        js: where the stream is.
        judge: says of a letter whose original is on a subject of ours whether it would be rejected again.
    """

    def __init__(self, js: JetStreamContext, judge: Judge) -> None:
        self._js = js
        self._judge = judge

    async def last(self) -> int:
        """The sequence of the last letter that ever came."""
        with self._answering():
            return (await self._js.stream_info(_DLQ)).state.last_seq

    async def get(self, sequence: int) -> Letter:
        """The letter at this sequence.

        Raises:
            UnknownDeadLetter: there is none.
        """
        with self._answering():
            try:
                return Letter.of(await self._js.get_msg(_DLQ, seq=sequence))
            except APIError as error:
                if error.err_code != NO_MESSAGE:
                    raise
        raise UnknownDeadLetter(f"the dead letters hold no {sequence}; `oo dlq list` shows those that there are")

    async def letters(self, selection: Selection, progress: Progress) -> AsyncIterator[Letter]:
        """The letters of the selection: those asked for in their order, else oldest first.

        Raises:
            UnknownDeadLetter: the selection names a sequence at which there is none.
        """
        found = self._named(selection, progress) if selection.sequences else self._all(selection, progress)
        async for letter in found:
            if selection.takes(letter):
                yield letter

    async def replay(self, selection: Selection, progress: Progress, *, dry_run: bool = False) -> Replay:
        """Put the originals back on their subjects, byte for byte, and then take their letters out of the box.

        A letter is deleted only after the stream acknowledged its original, so a crash in between replays it once
        more. Every consumer of the subject sees it again, and none counts it twice: the event keeps its id.

        What would be rejected again stays, and so does what the stream refuses.

        Raises:
            UnknownDeadLetter: the selection names a sequence at which there is none; then nothing was done.
            PublishFailed: a stream did not acknowledge; this letter and those after it are still here.
        """
        outcome = Replay()

        async def one(letter: Letter) -> None:
            stays = self.would_stay(letter)
            if stays is None and not dry_run:
                stays = await self.publish_original(letter)
                if stays is None:
                    await self.delete(letter.sequence)
            outcome.count(letter, stays)

        await self._each(selection, progress, one)
        return outcome

    async def drop(self, selection: Selection, progress: Progress, *, dry_run: bool = False) -> int:
        """Delete the letters, their bytes overwritten on disk, and return how many they were.

        Raises:
            UnknownDeadLetter: the selection names a sequence at which there is none; then nothing was done.
        """
        dropped = 0

        async def one(letter: Letter) -> None:
            nonlocal dropped
            if not dry_run:
                await self.delete(letter.sequence)
            dropped += 1

        await self._each(selection, progress, one)
        return dropped

    def would_stay(self, letter: Letter) -> Reject | None:
        """Why a replay would leave this letter where it is; None when it would not."""
        # Else who may write a letter could have an operator publish anywhere.
        original = letter.original
        if not any(_below(pattern, original.subject) for pattern in _patterns(original.stream)):
            return Reject("no_original", "the letter does not say from which of our streams and subjects it came")
        return self._judge(letter)

    async def publish_original(self, letter: Letter) -> Reject | None:
        """Publish the original again, acknowledged; why its stream refuses it, when it does.

        Raises:
            PublishFailed: there was no acknowledgement.
        """
        original = letter.original
        # The original's own message id would be dropped by the dedupe window, and the letter would be lost. This one
        # makes one message of a replay that was interrupted, and of the letters of several consumers. What else begins
        # with Nats- is an order to the server, which was carried out the first time.
        headers = {name: value for name, value in original.headers.items() if not name.lower().startswith("nats-")}
        # The digest is for a stream that was deleted and made again, which counts from 1 again.
        digest = hashlib.sha256(original.data).hexdigest()[:16]
        headers[Header.MSG_ID.value] = f"replay.{original.stream}.{original.sequence}.{digest}"
        try:
            await self._js.publish(original.subject, original.data, headers=headers)
        except APIError as error:
            return Reject("refused", f"the stream refuses it: {error.description}")
        except (NatsError, OSError) as error:
            raise PublishFailed(
                f"{original.subject} did not acknowledge dead letter {letter.sequence} ({self._cause(error)});"
                " it stays, and to replay it again is safe"
            ) from error
        return None

    async def delete(self, sequence: int) -> None:
        """Delete one letter, which may be gone already; its bytes are overwritten on the server's disk.

        Also after a replay: an erasure finds what is in the stream, and not what only its files still hold.
        """
        with self._answering():
            await deletion.delete(self._js, _DLQ, sequence)

    async def _all(self, selection: Selection, progress: Progress) -> AsyncIterator[Letter]:
        subject = f"dlq.{selection.consumer or '>'}"
        with self._answering():
            state = (await self._js.stream_info(_DLQ)).state
        through = state.last_seq if selection.through is None else selection.through
        sequence, seen = state.first_seq, 0
        while sequence <= through:
            with self._answering():
                try:
                    message = await self._js.get_msg(_DLQ, seq=sequence, subject=subject, next=True)
                except APIError as error:
                    if error.err_code != NO_MESSAGE:
                        raise
                    return
            letter = Letter.of(message)
            if letter.sequence > through:
                return
            sequence, seen = letter.sequence + 1, seen + 1
            yield letter
            progress(seen, max(state.messages, seen))

    async def _named(self, selection: Selection, progress: Progress) -> AsyncIterator[Letter]:
        for sequence in selection.sequences:
            await self.get(sequence)  # before the first is touched: a wrong number among them changes nothing
        for seen, sequence in enumerate(dict.fromkeys(selection.sequences), 1):
            yield await self.get(sequence)
            progress(seen, len(selection.sequences))

    async def _each(self, selection: Selection, progress: Progress, do: Callable[[Letter], Awaitable[None]]) -> None:
        company: list[Letter] = []
        async for letter in self.letters(selection, progress):
            company.append(letter)
            if len(company) == _IN_FLIGHT:
                await asyncio.gather(*map(do, company))
                company.clear()
        await asyncio.gather(*map(do, company))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except NotFoundError as error:
            raise BusUnreachable("the NATS server has no stream DLQ; `oo bootstrap` makes it") from error
        except (NatsError, OSError) as error:
            raise BusUnreachable(
                f"the dead letters cannot be read or changed ({self._cause(error)});"
                " is JetStream on, and may this user use the stream DLQ?"
            ) from error

    def _cause(self, error: Exception) -> object:
        """What went wrong: a refused permission shows as silence, and its reason on the connection alone."""
        refusal = self._js._nc.last_error  # noqa: SLF001  # the context has no public way to its connection
        return refusal if refusal is not None and not isinstance(error, APIError) else error


def _below(pattern: str, subject: str) -> bool:
    return subject.startswith(pattern[:-1]) if pattern.endswith(".>") else subject == pattern


def _patterns(stream: str) -> tuple[str, ...]:
    return next((patterns for name, patterns in STREAMS.items() if name == stream != _DLQ), ())
