"""What there is to know of a model on trial: from the archive, the reward join and the registry."""

from asyncio import to_thread
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Engine

from oo.cards.card import Card
from oo.cards.facts import ModelFacts
from oo.catalog import Catalog
from oo.errors import InvalidCard, faults
from oo.features.services import FeatureService
from oo.offline.store import OfflineStore
from oo.registry.registry import ModelVersion, Registry
from oo.rollout.evidence import Artefact, Condition, Evidence
from oo.rollout.model_versions import registered
from oo.rollout.records import Records, of_model
from oo.rollout.reports import Reports, naming
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.training.registration import MANIFEST, MODEL_CARD, VERDICT, facts
from oo.training.verdict import Verdict


@dataclass(frozen=True, slots=True)
class ModelEvidence:
    """Evidence about models. What does not answer is named, and the rest is told."""

    store: OfflineStore
    rewards: Engine
    registry: Registry
    catalog: Catalog
    requirements: Requirements

    async def collect(self, rollout: Rollout, now: datetime) -> Evidence:
        """As in `EvidenceSource`."""
        return await to_thread(self._collect, rollout, now)

    def _collect(self, rollout: Rollout, now: datetime) -> Evidence:
        version = rollout.candidate or ""
        unreachable: list[str] = []
        artefact, served, documents = None, None, dict[str, str]()
        conditions: list[Condition] = []
        with naming(unreachable):
            found = registered(self.registry, rollout.subject.name, version)
            self.registry.load(found)
            artefact = Artefact(digest=found.digest, feature_digest=found.feature_digest)
            service = self.catalog.service(found.feature_service)
            served = service.digest
            for name in (MANIFEST, VERDICT, MODEL_CARD):
                documents[name] = self.registry.read_file(found, name).decode()
            conditions += _conditions(found, service, documents, rollout.champion)
        shadow, canary = None, None
        reports, records = Reports(self.store, self.rewards, self.requirements), self._records(rollout.subject.name)
        with naming(unreachable):
            shadow = reports.shadow(rollout, records, now)
        with naming(unreachable):
            canary = reports.canary(rollout, records, now)
        return Evidence(
            version=version,
            collected_at=now,
            artefact=artefact,
            served_feature_digest=served,
            conditions=tuple(conditions),
            shadow=shadow,
            canary=canary,
            unreachable=tuple(unreachable),
            documents=documents,
        )

    def _records(self, model: str) -> Records:
        services = (service.name for service in self.catalog.feature_services if service.model == model)
        return of_model(model, tuple(services))


def _conditions(
    version: ModelVersion, service: FeatureService, documents: Mapping[str, str], champion: str | None
) -> Iterator[Condition]:
    """What the gates said of it, against which champion, and what its card lacks."""
    try:
        verdict = Verdict.model_validate_json(documents[VERDICT])
    except ValidationError as error:
        said = f"The gates' verdict cannot be read: {faults(error, VERDICT)}."
        yield Condition(name="gates", met=False, sentence=said)
        return
    if not verdict.reasons:
        yield Condition(name="gates", met=False, sentence="The verdict names no gate.")
    for reason in verdict.reasons:
        yield Condition(name=f"gate {reason.name}", met=reason.passed, sentence=reason.sentence)
    yield Condition(
        name="judged against",
        met=str(verdict.champion) == champion,
        sentence=f"The gates compared it with version {verdict.champion}, and {champion} serves.",
    )
    lacks = _lacks(documents[MODEL_CARD], facts(version, service, documents[MANIFEST], verdict))
    sentence = f"Its model card: {'; '.join(lacks)}." if lacks else "Its model card is complete and of today."
    yield Condition(name="model card", met=not lacks, sentence=sentence)


def _lacks(text: str, today: ModelFacts) -> tuple[str, ...]:
    try:
        card = Card.parse(text)
    except InvalidCard as error:
        return (str(error),)
    # Its rollout history follows from the history, and may be a step behind it.
    rollout = card.facts.rollout if isinstance(card.facts, ModelFacts) else ()
    return card.faults(today.model_copy(update={"rollout": rollout}))
