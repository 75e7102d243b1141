"""Both reports of a rollout, out of the archive and the reward join."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from oo.errors import OOError
from oo.offline.store import OfflineStore
from oo.rollout.canary_report import CanaryReport, canary_report
from oo.rollout.decided import Decided, Range
from oo.rollout.records import Records
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.shadow_report import ShadowReport, shadow_report
from oo.rollout.value import Value, value_of


@dataclass(frozen=True, slots=True)
class Reports:
    """Makes them, for the time that counts. Each call raises what the stores raise; `naming` names it."""

    store: OfflineStore
    rewards: Engine
    requirements: Requirements

    def shadow(self, rollout: Rollout, records: Records, now: datetime) -> ShadowReport | None:
        """Of the whole time as a shadow, also when it is a canary since; None while there is none to speak of."""
        asked, champion = self.requirements, rollout.champion
        began, ended = rollout.first("shadow"), rollout.first("canary")
        if began is None or champion is None or rollout.candidate is None:
            return None
        stable = Range(began.since + asked.settling, (ended.since if ended else now) - asked.grace)
        if stable.until <= stable.since:
            return None

        def valued(decided: Decided) -> Value | None:
            if records.kind != "policy":
                return None
            return value_of(
                decided,
                self.rewards,
                records,
                champion=champion,
                within=stable,
                now=now,
                confidence=asked.confidence,
            )

        return shadow_report(
            self.store,
            records,
            champion=champion,
            candidate=rollout.candidate,
            stable=stable,
            shadow=Range(stable.since - asked.grace, stable.until + asked.grace),
            confidence=asked.confidence,
            valued=valued,
        )

    def canary(self, rollout: Rollout, records: Records, now: datetime) -> CanaryReport | None:
        """Of the present canary step; None outside of one, and while there is no time to speak of."""
        if rollout.stage != "canary" or rollout.since is None or not rollout.champion or not rollout.candidate:
            return None
        asked = self.requirements
        within = Range(rollout.since + asked.settling, now - asked.grace)
        if within.until <= within.since:
            return None
        return canary_report(
            self.store,
            self.rewards,
            records,
            champion=rollout.champion,
            candidate=rollout.candidate,
            percent=rollout.percent,
            within=within,
            now=now,
            confidence=asked.confidence,
        )


@contextmanager
def naming(unreachable: list[str]) -> Iterator[None]:
    """Put what does not answer into the list, and go on behind it."""
    try:
        yield
    except OOError as error:
        unreachable.append(f"{error}.")
    except DBAPIError as error:
        unreachable.append(f"The database of tip_scores does not answer ({error.orig}); is it running?")
