"""What a decision earned, or why nobody can say."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine

from oo.events.decision import ScoreDecided
from oo.events.envelope import Envelope
from oo.rewards.queries import exposures
from oo.training.shards import Shard

Earned = float | Literal["never_exposed", "open"]
Rewards = Callable[[Envelope, ScoreDecided], Earned]
"""0 or 1; never a number for a tip that was not shown, or whose window is open."""


def joined_rewards(engine: Engine, tenants: Sequence[str], shard: Shard, *, as_of: datetime) -> Rewards:
    """The rewards of `tip_scores` as it is now, of a shard's people.

    Args:
        engine: the database, see `oo.rewards.database.connect`.
        tenants: whose decisions are asked for.
        shard: the people whose decisions are asked for.
        as_of: a window that ends later is still open.
    """
    known = {
        (e.tenant_id, e.user_id, e.decision_id): e.reward
        for e in exposures(engine, tenants, as_of)
        if shard.holds(e.tenant_id, e.user_id)
    }

    def earned(envelope: Envelope, decided: ScoreDecided) -> Earned:
        key = envelope.tenant_id, envelope.user_id, decided.decision_id
        if key not in known:
            return "never_exposed"
        reward = known[key]
        return "open" if reward is None else reward

    return earned
