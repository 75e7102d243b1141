"""What became of a decision, out of the feedback that came for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from oo.events.feedback import ReactionKind

REWARDED = frozenset({ReactionKind.CLICKED, ReactionKind.COMPLETED, ReactionKind.SAVED})
"""The reactions that earn 1; a dismissal earns 0."""

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Feedback:
    """An exposure, or a reaction when `reaction` is set, with its event time."""

    tip_id: str
    reaction: ReactionKind | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The columns of `tip_scores` that feedback fills."""

    exposed_at: datetime | None = None
    closes_at: datetime | None = None
    reacted_at: datetime | None = None
    reaction: ReactionKind | None = None
    late: bool = False


def outcome(tip_id: str, window: timedelta, feedback: Iterable[Feedback]) -> Outcome:
    """What became of a decision for `tip_id`, the same for any order of its feedback.

    Feedback for another tip never counts. The first exposure opens the window. Of several reactions one decides: in
    the window before late, what earns a reward before a dismissal (who sent the tip away and then took it up did take
    it up), and the earliest of equals. A reaction whose event time lies before the exposure counts as in the window,
    since clocks of devices differ. Without an exposure a reaction is kept, but neither late nor rewarded.
    """
    own = [item for item in feedback if item.tip_id == tip_id]
    exposed_at = min((item.occurred_at for item in own if item.reaction is None), default=None)
    # An event may name any time; a window that would end after the last one ends there.
    closes_at = None if exposed_at is None else min(exposed_at, _END_OF_TIME - window) + window

    def is_late(occurred_at: datetime) -> bool:
        return closes_at is not None and occurred_at > closes_at

    reactions = [(item.reaction, item.occurred_at) for item in own if item.reaction is not None]
    if not reactions:
        return Outcome(exposed_at, closes_at)
    reaction, reacted_at = min(reactions, key=lambda one: (is_late(one[1]), one[0] not in REWARDED, one[1], one[0]))
    return Outcome(exposed_at, closes_at, reacted_at, reaction, is_late(reacted_at))
