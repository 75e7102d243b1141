"""Facts: the bounded set in which a family of features keeps what it knows of a person.

Every fact is a row of integers: the moment (milliseconds since 1970, UTC), a number for the event's id, then amounts.
A set keeps the newest rows by event time and nothing else, so it is the same whatever order the events arrived in and
however often: it is a grow-only set, cut to its largest elements. (Shapiro, Preguica, Baquero, Zawirski: "Conflict-free
Replicated Data Types", SSS 2011.) No list of applied events is needed, and reading a whole stream again is harmless.
"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from oo.events.envelope import Envelope

Fact = list[int]
Facts = Sequence[Fact]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds from 1970-01-01 UTC to an aware `moment`, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def fact(envelope: Envelope, *amounts: timedelta) -> Fact:
    """The row for an event: its moment, its number, then the amounts in milliseconds.

    The number is 48 bits of a hash of the event id: it stays small however long an id is, and exact in any JSON reader.
    """
    number = int.from_bytes(blake2b(envelope.event_id.encode(), digest_size=6).digest())
    return [milliseconds(envelope.occurred_at), number, *(amount // _MILLISECOND for amount in amounts)]


def remember(facts: Facts, new: Fact, most: int) -> Facts:
    """`facts` and `new` in order of event time, cut to the newest `most`; `facts` itself when that changes nothing."""
    place = bisect_left(facts, new)
    known = place < len(facts) and facts[place] == new
    too_old = place == 0 and len(facts) >= most
    return facts if known or too_old else [*facts[:place], new, *facts[place:]][-most:]


def until(facts: Facts, last: int) -> Facts:
    """The facts no later than the millisecond `last`, oldest first."""
    return facts[: bisect_left(facts, [last + 1])]


def within(facts: Facts, first: int, last: int) -> Facts:
    """The facts from the millisecond `first` to the millisecond `last`, both included, oldest first."""
    return facts[bisect_left(facts, [first]) : bisect_left(facts, [last + 1])]
