"""What people ask of the reward join."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from sqlalchemy import ColumnElement, Engine, RowMapping, and_, case, exists, func, null, select, true

from oo.rewards.reward import is_closed, is_matured, reward
from oo.rewards.tables import tip_feedback, tip_scores

Grouping = Literal["tenant", "policy", "model", "prompt_version", "variant"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

_COLUMNS = tip_scores.c
_COLUMNS_OF: dict[Grouping, tuple[ColumnElement[str | None], ...]] = {
    "tenant": (_COLUMNS.tenant_id,),
    "policy": (_COLUMNS.policy, _COLUMNS.policy_version),
    "model": (_COLUMNS.model, _COLUMNS.model_version),
    "prompt_version": (_COLUMNS.prompt_version,),
    "variant": (_COLUMNS.experiment, _COLUMNS.variant),
}


@dataclass(frozen=True, slots=True)
class RewardRate:
    """What one group earned; the rate is `reward_sum / exposures`, its interval is Wilson's."""

    group: tuple[str, ...]
    """The group's name, then its version or variant when it has one."""
    exposures: int
    """The number of exposures whose window is over, degraded answers left out; above 0."""
    reward_sum: float
    """The sum of their rewards, each 0 or 1."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How far decisions have come. Every decision is either exposed or never exposed."""

    decisions: int
    exposed: int
    never_exposed: int
    reacted: int
    """Exposed decisions with a reaction, late ones too."""
    late: int
    """Those whose reaction came after the window."""
    open: int
    """Exposed decisions whose window is not over."""
    degraded: int
    unjoined: int
    """Exposures and reactions without a decision, or for another tip than the decision's."""


class Exposure(NamedTuple):
    """A decision whose tip was shown."""

    tenant_id: str
    user_id: str
    decision_id: str
    reward: float | None
    """0 or 1; None while the window is open."""


def exposures(engine: Engine, tenant_ids: Sequence[str], now: datetime) -> Iterator[Exposure]:
    """Stream the decisions of these tenants whose tip was shown by `now`, degraded ones too, in no particular order.

    Args:
        engine: the database, see `oo.rewards.database.connect`.
        tenant_ids: the tenants to read.
        now: a window that ends later is still open.
    """
    earned = case((is_closed(now), reward(now)), else_=null())
    statement = select(_COLUMNS.tenant_id, _COLUMNS.user_id, _COLUMNS.decision_id, earned).where(
        _COLUMNS.tenant_id.in_(tenant_ids), _COLUMNS.exposed_at <= now
    )
    with engine.connect() as connection:
        yield from map(Exposure._make, connection.execution_options(yield_per=10_000).execute(statement))


def reward_rates(engine: Engine, by: Grouping, now: datetime, tenant_id: str | None = None) -> list[RewardRate]:
    """What each group has earned by `now`, in the order of their names; a decision without the group is left out.

    Args:
        engine: the database, see `oo.rewards.database.connect`.
        by: what to group by.
        now: a window that ends later is still open, and its exposure is not counted.
        tenant_id: this tenant's decisions only.
    """
    columns = _COLUMNS_OF[by]
    statement = (
        select(*columns, func.count(), func.sum(reward(now)))
        .where(is_matured(now), columns[0].is_not(None), _of_tenant(tenant_id))
        .group_by(*columns)
        .order_by(*columns)
    )
    with engine.connect() as connection:
        return [
            RewardRate(tuple(part for part in group if part is not None), exposures, reward_sum)
            for *group, exposures, reward_sum in connection.execute(statement)
        ]


def rows(engine: Engine, decision_id: str, now: datetime, tenant_id: str | None = None) -> Sequence[RowMapping]:
    """The columns of `tip_scores` and the `reward` by `now` of this decision; one row for each tenant that has it."""
    statement = (
        select(tip_scores, reward(now).label("reward"))
        .where(_COLUMNS.decision_id == decision_id, _of_tenant(tenant_id))
        .order_by(_COLUMNS.tenant_id)
    )
    with engine.connect() as connection:
        return connection.execute(statement).mappings().all()


def counts(engine: Engine, now: datetime, tenant_id: str | None = None) -> Counts:
    """How far the decisions have come by `now`, of one tenant or of all."""
    exposed = _COLUMNS.exposed_at.is_not(None)
    decisions = select(
        func.count(),
        func.count().filter(exposed),
        func.count().filter(~exposed),
        func.count().filter(exposed, _COLUMNS.reaction.is_not(None)),
        func.count().filter(_COLUMNS.late),
        func.count().filter(_COLUMNS.closes_at > now),
        func.count().filter(_COLUMNS.degraded.is_not(None)),
    ).where(_of_tenant(tenant_id))
    joins = and_(*(_COLUMNS[name] == tip_feedback.c[name] for name in ("decision_id", "tenant_id", "tip_id")))
    unjoined = select(func.count()).select_from(tip_feedback).where(~exists(tip_scores.select().where(joins)))
    if tenant_id is not None:
        unjoined = unjoined.where(tip_feedback.c.tenant_id == tenant_id)
    with engine.connect() as connection:
        return Counts(*connection.execute(decisions).one(), connection.execute(unjoined).scalar_one())


def _of_tenant(tenant_id: str | None) -> ColumnElement[bool]:
    return true() if tenant_id is None else _COLUMNS.tenant_id == tenant_id
