"""What a canary did with its share of the traffic."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine, func, select

from oo.experiments.sample_ratio import sample_ratio_p_value
from oo.offline.store import OfflineStore
from oo.rewards.reward import is_matured, reward
from oo.rewards.tables import tip_scores
from oo.rollout.comparison import Count, Rates, Report, Times
from oo.rollout.decided import Range, decided_in
from oo.rollout.records import Records, Side
from oo.rollout.sketch import Sketch

_COLUMNS = tip_scores.c


class CanaryReport(Report):
    """The guardrails of one canary step: candidate against champion, over the same time and different requests."""

    champion: str
    candidate: str
    percent: int
    since: datetime
    until: datetime
    decisions: Mapping[Side, Count]
    """All that each side was asked for, whatever it decided with."""
    others: Mapping[Side, Count]
    """Those with another version than the side should serve; they are in no comparison."""
    sample_ratio: float | None
    """The probability of a split at least this far from `percent`, were the traffic split so; None without any."""
    digests: Mapping[str, Count]
    """The model files or prompts that the canary says it decided with, and how often."""
    errors: Rates
    """Degraded answers."""
    p50: Times
    p95: Times
    unsound: Count
    """The canary's decisions with a score that is no number from 0 to 1."""
    rewards: Rates
    """Of exposures whose window is over, degraded answers left out."""


def canary_report(  # noqa: PLR0913  # each is a fact of the comparison, given by name
    store: OfflineStore,
    rewards: Engine,
    records: Records,
    *,
    champion: str,
    candidate: str,
    percent: int,
    within: Range,
    now: datetime,
    confidence: float,
) -> CanaryReport:
    """Compare a canary with the champion beside it.

    Decisions of one person are taken for independent: requests are split, not people.

    Args:
        store: the archive of decisions.
        rewards: the database of the reward join, see `oo.rewards.database.connect`.
        records: which decisions are the subject's.
        champion: the version that serves.
        candidate: the canary's version.
        percent: the canary's share of the requests since the step began.
        within: when it was decided.
        now: a reward window that ends later is still open.
        confidence: of the intervals.

    Raises:
        OfflineStoreFailed: the archive cannot be read.
        sqlalchemy.exc.DBAPIError: the database cannot be.
    """
    serves: dict[Side, str] = {"stable": champion, "canary": candidate}
    decisions: dict[Side, int] = {"stable": 0, "canary": 0}
    others, compared, degraded = decisions.copy(), decisions.copy(), decisions.copy()
    digests: Counter[str] = Counter()
    latencies: dict[Side, Sketch] = {"stable": Sketch(), "canary": Sketch()}
    unsound = 0
    with decided_in(store, records, within) as decided:
        for one in decided:
            side = records.side(one, percent)
            decisions[side] += 1
            if one.version not in (serves[side], None):
                others[side] += 1
                continue
            if one.cached:
                continue
            compared[side] += 1
            degraded[side] += one.degraded
            if one.latency is not None:
                latencies[side].add(one.latency)
            if side == "canary":
                unsound += not one.sound
                if one.digest is not None:
                    digests[one.digest] += 1
    earned = _earned(rewards, records, serves, within, now)
    sides = latencies["stable"], latencies["canary"]
    return CanaryReport(
        champion=champion,
        candidate=candidate,
        percent=percent,
        since=within.since,
        until=within.until,
        decisions=decisions,
        others=others,
        sample_ratio=_sample_ratio(decisions, percent),
        digests=dict(sorted(digests.items())),
        errors=Rates.of((degraded["stable"], compared["stable"]), (degraded["canary"], compared["canary"]), confidence),
        p50=Times.of(*sides, 0.5, confidence),
        p95=Times.of(*sides, 0.95, confidence),
        unsound=unsound,
        rewards=Rates.of(earned["stable"], earned["canary"], confidence),
    )


def _sample_ratio(decisions: dict[Side, int], percent: int) -> float | None:
    if not sum(decisions.values()):
        return None
    share = percent / 100
    observed: dict[str, int] = {side: n for side, n in decisions.items()}  # noqa: C416  # a wider type of key
    return sample_ratio_p_value(observed, {"stable": 1 - share, "canary": share})


def _earned(
    engine: Engine, records: Records, serves: Mapping[Side, str], within: Range, now: datetime
) -> dict[Side, tuple[int, int]]:
    """Rewards and exposures of each side's own version."""
    statement = (
        select(_COLUMNS.serving_role, records.version, func.sum(reward(now)), func.count())
        .where(
            is_matured(now),
            records.where,
            _COLUMNS.decided_at >= within.since,
            _COLUMNS.decided_at < within.until,
        )
        .group_by(_COLUMNS.serving_role, records.version)
    )
    earned: dict[Side, tuple[int, int]] = {"stable": (0, 0), "canary": (0, 0)}
    with engine.connect() as connection:
        for role, version, rewarded, exposures in connection.execute(statement):
            for side, (before, of) in earned.items():
                if records.earns(side, role, version, serves[side]):
                    earned[side] = before + int(rewarded), of + exposures
    return earned
