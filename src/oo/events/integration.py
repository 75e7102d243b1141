"""Mirror of integration.proto: what connected services tell of the person."""

from typing import Annotated

from oo.events.json_types import ElapsedTime, ProtoUint32
from oo.events.message import Message, Personal


class CalendarDaySummarized(Message):
    """How full the person's day is; a later one replaces it."""

    busy: Annotated[ElapsedTime, Personal]
    meetings: Annotated[ProtoUint32, Personal] = 0


class SleepRecorded(Message):
    """How long the person slept. Health data."""

    asleep: Annotated[ElapsedTime, Personal]
