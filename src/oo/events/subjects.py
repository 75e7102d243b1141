"""The table of the system: which event travels where, and who reads it."""

from dataclasses import dataclass
from typing import Literal

from oo.events.envelope import EventType

StreamName = Literal["SIGNALS", "FEEDBACK", "DECISIONS", "DLQ"]
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
}


@dataclass(frozen=True, slots=True)
class Durable:
    """A consumer's place in a stream. Its name is `<consumer>-<stream>`, in lower case."""

    consumer: ConsumerName
    stream: StreamName
    subjects: tuple[str, ...]

    @property
    def name(self) -> str:
        """The durable's name on the server."""
        return f"{self.consumer}-{self.stream}".lower()


DURABLES: tuple[Durable, ...] = (
    Durable("signals", "SIGNALS", ("signals.>", "integration.>")),
    Durable("archive", "SIGNALS", ("signals.>", "integration.>")),
    Durable("archive", "FEEDBACK", ("feedback.>",)),
    Durable("archive", "DECISIONS", ("decisions.>",)),
    Durable("rewards", "DECISIONS", ("decisions.score", "decisions.generate")),
    Durable("rewards", "FEEDBACK", ("feedback.>",)),
)


def dead_letter_subject(consumer: ConsumerName) -> str:
    """Where what this consumer rejects goes."""
    return f"dlq.{consumer}"


def shadow_subject(subject: str) -> str:
    """Where a shadow writes what the stable deployment writes on `subject` (below `decisions.`)."""
    return subject.replace("decisions.", "decisions.shadow.", 1)
