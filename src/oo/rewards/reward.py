"""The reward of a decision as SQL, for every query: what a row earns depends on the time that is asked for."""

from datetime import datetime

from sqlalchemy import ColumnElement, Double, and_, case, literal, null

from oo.rewards.outcome import REWARDED
from oo.rewards.tables import tip_scores

_COLUMNS = tip_scores.c


def reward(now: datetime) -> ColumnElement[float | None]:
    """What the decision has earned by `now`: 1, 0, or NULL while that is open and when the tip was never shown."""
    counts = and_(_COLUMNS.exposed_at.is_not(None), _COLUMNS.reaction.is_not(None), ~_COLUMNS.late)
    return case(
        (and_(counts, _COLUMNS.reaction.in_(sorted(REWARDED))), literal(1.0, Double)),
        (counts, literal(0.0, Double)),
        (_COLUMNS.closes_at <= now, literal(0.0, Double)),
        else_=null(),
    )


def is_closed(now: datetime) -> ColumnElement[bool]:
    """Whether the tip was shown and its window is over.

    A reward of 1 stands at once, a silence only when the window ends. Who counts rewards before that meets the clicks
    of young exposures without their silences, and finds every rate too high and that of a new tip highest. So what is
    counted or learned waits for its window, whatever has happened in it (the delayed feedback of Chapelle, KDD 2014).
    """
    return _COLUMNS.closes_at <= now


def is_matured(now: datetime) -> ColumnElement[bool]:
    """Whether the decision may be learned from: its window is over and its answer was not degraded."""
    return and_(is_closed(now), _COLUMNS.degraded.is_(None))
