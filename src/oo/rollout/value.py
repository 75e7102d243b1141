"""What a replayed policy would have earned of the exposures that the serving one earned."""

from array import array
from datetime import datetime

import numpy as np
from sqlalchemy import Engine, select

from oo.experiments.interval import Interval, wilson
from oo.experiments.off_policy import Bootstrap, snips
from oo.rewards.reward import is_matured, reward
from oo.rewards.tables import tip_scores
from oo.rollout.comparison import Count, Report
from oo.rollout.decided import Decided, Range
from oo.rollout.records import Records

_COLUMNS = tip_scores.c


class Value(Report):
    """Two mean rewards over the same exposures: as they were logged, and as the candidate's choices weigh them."""

    exposures: Count
    """With a closed window, degraded answers left out."""
    logged: float
    logged_interval: Interval
    candidate: float
    """By self-normalised inverse propensity (SNIPS)."""
    candidate_interval: Interval
    effective: float
    """How many of the candidate's own exposures would say as much."""
    mean_weight: float
    """Near 1 when the logged propensities are true and cover the candidate."""


def value_of(  # noqa: PLR0913  # each is a fact of the comparison, given by name
    decided: Decided,
    rewards: Engine,
    records: Records,
    *,
    champion: str,
    within: Range,
    now: datetime,
    confidence: float,
) -> Value | None:
    """The candidate's value; None while nothing was earned that its choices have a part in.

    The interval is the wider of the bootstrap's and of Wilson's over the effective sample: resamples of a few rewards,
    or of none, would all be alike.

    Args:
        decided: the decisions, each with its replay.
        rewards: the database of the reward join.
        records: which decisions are the policy's.
        champion: the policy that serves.
        within: when it was decided.
        now: a reward window that ends later is still open.
        confidence: of the intervals.
    """
    statement = (
        select(_COLUMNS.tenant_id, _COLUMNS.decision_id, _COLUMNS.propensity, reward(now))
        .where(
            records.where,
            records.version == champion,
            is_matured(now),
            _COLUMNS.decided_at >= within.since,
            _COLUMNS.decided_at < within.until,
        )
        .order_by(_COLUMNS.decision_id)
    )
    earned, propensities, targets = array("d"), array("d"), array("d")
    with rewards.connect() as connection:
        for tenant, decision, propensity, one in connection.execute(statement):
            if (target := decided.target(tenant, decision)) is not None:
                earned.append(one)
                propensities.append(propensity)
                targets.append(target)
    if not any(targets):
        return None
    estimate = snips(earned, propensities, targets, Bootstrap(np.random.default_rng(0), confidence))
    n, effective = len(earned), estimate.effective_sample_size
    low, high = wilson(min(estimate.value, 1.0) * effective, effective, confidence)
    return Value(
        exposures=n,
        logged=sum(earned) / n,
        logged_interval=wilson(sum(earned), n, confidence),
        candidate=estimate.value,
        candidate_interval=Interval(min(low, estimate.interval.low), max(high, estimate.interval.high)),
        effective=effective,
        mean_weight=estimate.mean_weight,
    )
