"""Mirror of integration.proto: what connected services tell of the person."""

from oo.events.json_types import ElapsedTime, ProtoUint32
from oo.events.message import Message


class CalendarDaySummarized(Message):
    """How full the person's day is; a later one replaces it."""

    busy: ElapsedTime
    meetings: ProtoUint32 = 0


class SleepRecorded(Message):
    """How long the person slept. Health data."""

    asleep: ElapsedTime
