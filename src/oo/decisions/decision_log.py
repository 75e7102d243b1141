"""The decision log: a decision is acknowledged here before the caller hears of it."""

from typing import Protocol

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from oo.bus.publisher import publish
from oo.errors import DecisionConflict, DecisionLogUnavailable, MessageTooLarge, PublishFailed
from oo.events.codec import decode
from oo.events.envelope import Envelope


class DecisionLog(Protocol):
    """Where decisions are recorded, once each."""

    async def record(self, envelope: Envelope) -> Envelope | None:
        """Record a decision durably.

        Returns:
            None when this call recorded it; the envelope recorded earlier when its event id was recorded before.

        Raises:
            DecisionLogUnavailable: there was no acknowledgement within the log's time budget.
        """
        ...


class JetStreamDecisionLog:
    """The log on the DECISIONS stream.

    The stream drops a repeated event id inside its dedupe window and tells the sequence of the first, which is then
    read back: a retry gets the first answer even when model or policy state have moved on meanwhile.
    """

    def __init__(self, jetstream: JetStreamContext, budget: float) -> None:
        self._jetstream = jetstream
        self._budget = budget
        """Seconds that recording may take."""

    async def record(self, envelope: Envelope) -> Envelope | None:
        """See `DecisionLog.record`."""
        try:
            acknowledged = await publish(self._jetstream, envelope, timeout=self._budget)
            if not acknowledged.duplicate:
                return None
            first = await self._jetstream.get_msg(acknowledged.stream, acknowledged.seq)
        except (PublishFailed, MessageTooLarge, NatsError) as error:
            raise DecisionLogUnavailable(
                f"the decision log did not acknowledge within {self._budget * 1000:.0f} ms: {error}"
            ) from error
        return decode(first.data or b"")


class MemoryDecisionLog:
    """A log in this process, for tests and for trying things out."""

    def __init__(self) -> None:
        self.recorded: dict[str, Envelope] = {}
        self.available = True

    async def record(self, envelope: Envelope) -> Envelope | None:
        """See `DecisionLog.record`."""
        if not self.available:
            raise DecisionLogUnavailable("the decision log was switched off")
        first = self.recorded.setdefault(envelope.event_id, envelope)
        return None if first is envelope else first


def same_question(first: Envelope, retry: Envelope) -> Envelope:
    """The first envelope, when the retry asked for the same kind of decision about the same person and tips.

    Raises:
        DecisionConflict: the request id named something else before.
    """
    if _question(first) != _question(retry):
        raise DecisionConflict("this request_id already names another decision; send a new one for a new question")
    return first


def _question(envelope: Envelope) -> tuple[object, ...]:
    score = envelope.score_decided
    tips = frozenset(c.tip_id for c in score.candidates) if score else None
    return envelope.event_type, envelope.tenant_id, envelope.user_id, tips
