"""What there is to know of a tenant's policy or prompt on trial."""

from asyncio import to_thread
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from oo.cards.facts import Facts
from oo.cards.shelf import Shelf
from oo.rollout.evidence import Artefact, Condition, Evidence
from oo.rollout.records import Records
from oo.rollout.reports import Reports, naming
from oo.rollout.rollout import Rollout
from oo.rollout.versions import Versions


@dataclass(frozen=True, slots=True)
class TenantEvidence:
    """Evidence about policies and prompts. What does not answer is named, and the rest is told."""

    reports: Reports
    versions: Versions
    records: Callable[[str], Records]
    """By which the candidate of this version is judged."""
    card: Callable[[str], Condition]
    """What must hold of its card at every step."""

    async def collect(self, rollout: Rollout, now: datetime) -> Evidence:
        """As in `EvidenceSource`."""
        version = rollout.candidate or ""
        unreachable: list[str] = []
        with naming(unreachable):
            artefact = await self.versions.artefact(rollout.subject, version)
            return await to_thread(self._collect, rollout, version, artefact, now)
        return Evidence(version=version, collected_at=now, unreachable=tuple(unreachable))

    def _collect(self, rollout: Rollout, version: str, artefact: Artefact, now: datetime) -> Evidence:
        unreachable: list[str] = []
        conditions: list[Condition] = []
        shadow, canary = None, None
        with naming(unreachable):
            conditions.append(self.card(version))
        records = self.records(version)
        with naming(unreachable):
            shadow = self.reports.shadow(rollout, records, now)
        with naming(unreachable):
            canary = self.reports.canary(rollout, records, now)
        return Evidence(
            version=version,
            collected_at=now,
            artefact=artefact,
            conditions=tuple(conditions),
            shadow=shadow,
            canary=canary,
            unreachable=tuple(unreachable),
        )


def card_condition(shelf: Shelf, name: str, facts: Facts) -> Condition:
    """Whether the card of this name is complete, with these facts."""
    wrong = "; ".join(shelf.faults(name, facts))
    said = f"{shelf.path(name).name}: {wrong}." if wrong else f"The card of {name} is complete and of today."
    return Condition(name=f"card {name}", met=not wrong, sentence=said)
