from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from oo import catalog as catalogs
from oo.bus.streams import EVIDENCE_BUCKET, TRAFFIC_BUCKET
from oo.cards.shelf import Shelf, declared
from oo.offline.store import OfflineStore
from oo.prompts.library import TIPS, PromptLibrary
from oo.registry.history import Subject
from oo.registry.nats_history import NatsHistory
from oo.rewards import database
from oo.rollout.bus_traffic import BusTraffic
from oo.rollout.conductor import Conductor
from oo.rollout.evidence import Condition
from oo.rollout.records import of_policy, of_prompt
from oo.rollout.reports import Reports
from oo.rollout.tenant_evidence import TenantEvidence, card_condition
from oo.rollout.tenant_versions import PolicyVersions, PromptVersions
from oo.settings import GeneratorSettings, PipelineSettings, read
from oo.wiring.process import bucket, connected, now


@asynccontextmanager
async def conducting_for_tenant(settings: PipelineSettings, subject: Subject) -> AsyncIterator[Conductor]:
    """What moves a tenant's policy or prompt through its rollout, over the stores of a running stack.

    Args:
        settings: where the stores are.
        subject: the policy or the prompt.

    Raises:
        BusUnreachable: no NATS server answered, or it lacks a bucket.
        InvalidCatalog: a catalog file is missing or contradicts itself.
        UnknownTenant: no catalog file declares the tenant.
    """
    catalog, generator = catalogs.load(settings.catalog), read(GeneratorSettings)
    policies, library = catalog.tenant(subject.name).policies, PromptLibrary.load(generator.prompts or TIPS)
    shelf, facts = Shelf(settings.model_cards), declared(catalog, library)
    scores = database.connect(settings.tip_scores_url)
    reports = Reports(OfflineStore(settings.offline_store), scores, settings.rollout)

    def card(name: str) -> Condition:
        return card_condition(shelf, name, facts[name]())

    connection = await connected(settings, "oo-rollout")
    try:
        js = connection.jetstream()
        kept = await bucket(js, EVIDENCE_BUCKET)
        evidence = (
            TenantEvidence(
                reports=reports,
                versions=PolicyVersions(kept, catalog),
                records=lambda version: of_policy(subject.name, policies[version]),
                card=lambda version: card(f"policy-{policies[version].name}"),
            )
            if subject.kind == "policy"
            else TenantEvidence(
                reports=reports,
                versions=PromptVersions(kept, catalog, library, generator.default_prompt_version),
                records=partial(of_prompt, subject.name),
                card=lambda _: card("generator"),
            )
        )
        yield Conductor(
            subject=subject,
            history=NatsHistory(js),
            versions=evidence.versions,
            actuator=BusTraffic(await bucket(js, TRAFFIC_BUCKET)),
            evidence=evidence,
            requirements=settings.rollout,
            now=now,
        )
    finally:
        scores.dispose()
        await connection.close()
