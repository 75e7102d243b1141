"""What policies have learned: for each arm its exposures and the rewards that they earned."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from oo.rewards.reward import is_matured, reward
from oo.rewards.tables import tip_scores

_COLUMNS = tip_scores.c
_KEY = (_COLUMNS.tenant_id, _COLUMNS.policy, _COLUMNS.policy_version)


class PolicyKey(NamedTuple):
    """A policy at one version, as one tenant's people met it."""

    tenant_id: str
    policy: str
    version: str


class ArmTotals(NamedTuple):
    """What became of one arm under one policy."""

    exposures: int
    """The number of exposures whose window is over, degraded answers left out."""
    reward_sum: float
    """The sum of their rewards, each 0 or 1."""


def known_policies(engine: Engine) -> frozenset[PolicyKey]:
    """Every policy that has decided anything: what a writer of states goes through as windows close."""
    with engine.connect() as connection:
        rows = connection.execute(select(*_KEY).where(_COLUMNS.policy.is_not(None)).distinct())
        return frozenset(PolicyKey(*row) for row in rows)


def policy_states(
    engine: Engine, policies: Iterable[PolicyKey], now: datetime
) -> dict[PolicyKey, dict[str, ArmTotals]]:
    """What each of these policies has learned by `now`, by tip; empty for one that has learned nothing yet.

    Windows close without an event, so states are to be asked for again as time passes, not only after a join.
    """
    totals = (
        select(_COLUMNS.tip_id, func.count(), func.sum(reward(now)))
        .where(is_matured(now))
        .group_by(_COLUMNS.tip_id)
        .order_by(_COLUMNS.tip_id)
    )
    with engine.connect() as connection:
        return {
            key: {
                tip_id: ArmTotals(exposures, reward_sum)
                for tip_id, exposures, reward_sum in connection.execute(
                    totals.where(*(column == value for column, value in zip(_KEY, key, strict=True)))
                )
            }
            for key in policies
        }
