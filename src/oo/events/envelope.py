"""Mirror of envelope.proto."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from oo.events.decision import GenerateDecided, ScoreDecided
from oo.events.feedback import TipExposed, TipReacted
from oo.events.integration import CalendarDaySummarized, SleepRecorded
from oo.events.json_types import Identifier, ProtoTimestamp
from oo.events.message import Message, Personal
from oo.events.signals import ActivityCompleted, SessionStarted

SCHEMA_VERSION: Final = "v1"

Event = (
    SessionStarted
    | ActivityCompleted
    | CalendarDaySummarized
    | SleepRecorded
    | TipExposed
    | TipReacted
    | ScoreDecided
    | GenerateDecided
)
EventType = Literal[
    "session_started",
    "activity_completed",
    "calendar_day_summarized",
    "sleep_recorded",
    "tip_exposed",
    "tip_reacted",
    "score_decided",
    "generate_decided",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)


class Envelope(Message):
    """Who said what about whom, and when. Exactly one event is set."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [to_camel(event_type)]} for event_type in EVENT_TYPES]}
    )

    event_id: Identifier
    schema_version: Literal["v1"]
    producer: Identifier
    occurred_at: ProtoTimestamp
    tenant_id: Identifier
    user_id: Annotated[Identifier, Personal]
    session_started: SessionStarted | None = None
    activity_completed: ActivityCompleted | None = None
    calendar_day_summarized: CalendarDaySummarized | None = None
    sleep_recorded: SleepRecorded | None = None
    tip_exposed: TipExposed | None = None
    tip_reacted: TipReacted | None = None
    score_decided: ScoreDecided | None = None
    generate_decided: GenerateDecided | None = None

    @model_validator(mode="after")
    def _has_one_event(self) -> Self:
        present = [name for name in EVENT_TYPES if getattr(self, name) is not None]
        if len(present) != 1:
            raise ValueError(f"an envelope holds exactly one event, this one {present or 'none'}")
        return self

    @property
    def event_type(self) -> EventType:
        """The name of the event that is set, as in envelope.proto."""
        for name in EVENT_TYPES:
            if getattr(self, name) is not None:
                return name
        raise AssertionError(f"{self!r} was made past its validation")

    @property
    def event(self) -> Event:
        """The event that is set."""
        event: Event = getattr(self, self.event_type)
        return event
