"""Mirror of signals.proto: what the person did in the product."""

from typing import Annotated

from pydantic import Field

from oo.events.json_types import ElapsedTime, ProtoString
from oo.events.message import Message, Personal


class SessionStarted(Message):
    """The person opened the product on `surface` (empty when unknown)."""

    surface: Annotated[ProtoString, Personal] = ""


class ActivityCompleted(Message):
    """The person finished an activity; `duration` is absent when it was not timed."""

    activity: Annotated[str, Personal] = Field(min_length=1)
    duration: Annotated[ElapsedTime | None, Personal] = None
