"""Mirror of signals.proto: what the person did in the product."""

from pydantic import Field

from oo.events.json_types import ElapsedTime
from oo.events.message import Message


class SessionStarted(Message):
    """The person opened the product on `surface` (empty when unknown)."""

    surface: str = ""


class ActivityCompleted(Message):
    """The person finished an activity; `duration` is absent when it was not timed."""

    activity: str = Field(min_length=1)
    duration: ElapsedTime | None = None
