"""What differs between models, policies and prompts when their decisions are compared: which records, and how read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import ColumnElement, and_, literal_column

from oo.decisions.score import FALLBACK
from oo.decisions.splits import is_canarys
from oo.errors import InvalidArms, InvalidPolicyState
from oo.events.decision import ScoreDecided, ServingRole
from oo.events.envelope import Envelope, EventType
from oo.experiments.policy import Arms, Policy
from oo.experiments.policy_state import parse
from oo.registry.history import Kind
from oo.rewards.tables import tip_scores
from oo.rollout.decision import Decision, pack

Side = Literal["stable", "canary"]
_SIDES: dict[str, Side] = {ServingRole.STABLE.value: "stable", ServingRole.CANARY.value: "canary"}
_COLUMNS = tip_scores.c
_UNPAID = frozenset({"daily_budget", "budget_unknown"})


@dataclass(frozen=True, slots=True)
class Records:
    """The records that a subject is judged by."""

    kind: Kind
    event: EventType
    tenant: str | None
    """Whose; None for everybody's."""
    read: Callable[[Envelope], Iterator[Decision]]
    """The decision of a record, and beside it the candidate's where that is made again from the record."""
    version: ColumnElement[str | None]
    """What made a decision, in `tip_scores`."""
    where: ColumnElement[bool]
    """The decisions of the subject, in `tip_scores`."""

    def side(self, decision: Decision, percent: int) -> Side:
        """Who was asked: a model's canary is a deployment, that of a policy or prompt a throw of the dice."""
        if self.kind == "model":
            return _SIDES[decision.role]
        return "canary" if is_canarys(self.kind, decision.decision, percent) else "stable"

    def earns(self, side: Side, role: str, version: str | None, serves: str) -> bool:
        """Whether a row of `tip_scores` is one of this side's, which serves a version."""
        return version == serves and (self.kind != "model" or _SIDES.get(role) == side)


def of_model(name: str, services: Sequence[str]) -> Records:
    """The decisions of these feature services, for which the model of this name scores."""

    def read(envelope: Envelope) -> Iterator[Decision]:
        decided = envelope.score_decided
        if decided is None or decided.feature_service not in services:
            return
        model = decided.model
        yield Decision.of(
            envelope,
            decided,
            version=model.version if model else None,
            digest=model.digest if model else None,
            best=decided.ranking[0].tip_id,
            scores={arm.tip_id: arm.score for arm in decided.ranking} if model else None,
            degraded=bool(decided.degraded),
        )

    where = and_(_COLUMNS.model == name, _COLUMNS.serving_role.in_(_SIDES))
    return Records("model", "score_decided", None, read, _COLUMNS.model_version, where)


def of_policy(tenant: str, candidate: Policy) -> Records:
    """The stable decisions for a tenant, and beside each what the candidate would have made of it.

    A policy's scores are its probabilities. A learner is replayed with what the logged policy had learned of the arms,
    where that one learns too, else with nothing.
    """

    def read(envelope: Envelope) -> Iterator[Decision]:
        decided = envelope.score_decided
        if decided is None or decided.serving_role is not ServingRole.STABLE or decided.experiment is not None:
            return
        made_by = f"{decided.policy.name}@{decided.policy.version}"
        logged = {arm.tip_id: arm.probability for arm in decided.ranking}
        one = Decision.of(
            envelope,
            decided,
            version=None if made_by == FALLBACK.id else made_by,
            best=_most_probable(logged),
            scores=logged,
            degraded=bool(decided.degraded),
        )
        yield one
        if replayed := _replayed(decided, candidate):
            yield one._replace(
                shadow=1,
                version=candidate.id,
                best=_most_probable(replayed),
                packed=pack(replayed),
                latency=None,
                target=replayed[decided.tip_id],
            )

    where = and_(
        _COLUMNS.tenant_id == tenant,
        _COLUMNS.serving_role == ServingRole.STABLE.value,
        _COLUMNS.experiment.is_(None),
    )
    version = _COLUMNS.policy + literal_column("'@'") + _COLUMNS.policy_version
    return Records("policy", "score_decided", tenant, read, version, where)


def of_prompt(tenant: str, candidate: str) -> Records:
    """The tips that were written for a tenant, and beside them the candidate's that nobody saw.

    A second tip for which there was no money is none: it says nothing of the prompt.
    """

    def read(envelope: Envelope) -> Iterator[Decision]:
        decided = envelope.generate_decided
        if decided is None or decided.experiment is not None:
            return
        unpaid = not _UNPAID.isdisjoint(decided.degraded)
        if decided.serving_role is ServingRole.SHADOW and (unpaid or decided.prompt_version != candidate):
            return
        yield Decision.of(
            envelope,
            decided,
            version=decided.prompt_version,
            digest=decided.prompt_hash,
            degraded=decided.model is None,
            cached=decided.cached,
        )

    return Records("prompt", "generate_decided", tenant, read, _COLUMNS.prompt_version, _COLUMNS.tenant_id == tenant)


def _replayed(decided: ScoreDecided, candidate: Policy) -> dict[str, float] | None:
    """What the candidate's probabilities would have been; None where the record lacks what it needs."""
    tips = tuple(arm.tip_id for arm in decided.ranking)
    scores = np.array([np.nan if arm.score is None else arm.score for arm in decided.ranking])
    try:
        arms = Arms(tips, scores if candidate.needs_scores else None)
        state = parse(decided.policy_state or {}) if candidate.needs_state else {}
        return dict(zip(tips, candidate.probabilities(arms, state).tolist(), strict=True))
    except (InvalidArms, InvalidPolicyState):
        return None


def _most_probable(probabilities: dict[str, float]) -> str:
    return min(probabilities, key=lambda arm: (-probabilities[arm], arm))
