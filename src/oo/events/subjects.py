"""The table of the system: which event travels where, and who reads it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from oo.events.envelope import EventType

StreamName = Literal["SIGNALS", "FEEDBACK", "DECISIONS", "DLQ", "ADVISORIES", "HISTORY"]
ConsumerName = Literal["signals", "archive", "rewards"]

SUBJECTS: dict[EventType, str] = {
    "session_started": "signals.session_started",
    "activity_completed": "signals.activity_completed",
    "calendar_day_summarized": "integration.calendar_day_summarized",
    "sleep_recorded": "integration.sleep_recorded",
    "tip_exposed": "feedback.tip_exposed",
    "tip_reacted": "feedback.tip_reacted",
    "score_decided": "decisions.score",
    "generate_decided": "decisions.generate",
}

STREAMS: dict[StreamName, tuple[str, ...]] = {
    "SIGNALS": ("signals.>", "integration.>"),
    "FEEDBACK": ("feedback.>",),
    "DECISIONS": ("decisions.>",),
    "DLQ": ("dlq.>",),
    # What the server says of messages that it will not deliver once more.
    "ADVISORIES": (
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.SIGNALS.*",
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.FEEDBACK.*",
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.DECISIONS.*",
    ),
    # What became of models, policies and prompts, and on whose word. It holds nothing of the people who get tips, so an
    # erasure has nothing to do here; nothing could be deleted either.
    "HISTORY": ("history.>",),
}

MAX_AGE: dict[StreamName, timedelta | None] = {
    "SIGNALS": timedelta(days=30),
    "FEEDBACK": timedelta(days=90),
    "DECISIONS": timedelta(days=90),
    "DLQ": timedelta(days=180),
    "ADVISORIES": timedelta(days=90),
    "HISTORY": None,
}
"""How long a stream keeps a message, unless a setting says otherwise: no consumer may fall behind so far. None is for
ever."""

MAX_DELIVER = 10
"""How often a message may be delivered. The last delivery is no other try: it takes the message to the dead letters."""


@dataclass(frozen=True, slots=True)
class Durable:
    """A consumer's place in a stream. Its name is `<consumer>-<stream>`, in lower case."""

    consumer: ConsumerName
    stream: StreamName
    subjects: tuple[str, ...]
    max_deliver: int = MAX_DELIVER
    """-1 for as often as it takes."""

    @property
    def name(self) -> str:
        """The durable's name on the server."""
        return f"{self.consumer}-{self.stream}".lower()


_READING = (
    Durable("signals", "SIGNALS", ("signals.>", "integration.>")),
    Durable("archive", "SIGNALS", ("signals.>", "integration.>")),
    Durable("archive", "FEEDBACK", ("feedback.>",)),
    Durable("archive", "DECISIONS", ("decisions.>",)),
    Durable("rewards", "DECISIONS", ("decisions.score", "decisions.generate")),
    Durable("rewards", "FEEDBACK", ("feedback.>",)),
)


def advisory_subject(durable: Durable) -> str:
    """Where the server says which message has exceeded the deliveries of this durable."""
    return f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{durable.stream}.{durable.name}"


def _exceeding(consumer: ConsumerName) -> Durable:
    subjects = tuple(advisory_subject(durable) for durable in _READING if durable.consumer == consumer)
    return Durable(consumer, "ADVISORIES", subjects, max_deliver=-1)


DURABLES: tuple[Durable, ...] = (*_READING, _exceeding("signals"), _exceeding("archive"), _exceeding("rewards"))


def dead_letter_subject(consumer: ConsumerName) -> str:
    """Where what this consumer rejects goes."""
    return f"dlq.{consumer}"


def shadow_subject(subject: str) -> str:
    """Where a shadow writes what the stable deployment writes on `subject` (below `decisions.`)."""
    return subject.replace("decisions.", "decisions.shadow.", 1)
