"""One /score, from the request to the recorded decision. Read it top to bottom: it is the way of a decision."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from oo.catalog import Catalog, Tenant
from oo.decisions.champions import Champion, Champions
from oo.decisions.faults import NO_FAULTS, Faults
from oo.decisions.http import (
    AssignedExperiment,
    DecisionId,
    HttpModel,
    JsonFeatures,
    Name,
    NamedVersion,
    Probability,
    ProfileFeatures,
    PromptVersion,
    RequestId,
)
from oo.decisions.identity import decision_id
from oo.decisions.policy_states import PolicyStates
from oo.decisions.recording import Recorder
from oo.decisions.signals import SignalReader
from oo.decisions.splits import Split, Splits
from oo.errors import ModelNotReady, OnlineStoreUnavailable
from oo.events.decision import ScoreDecided, ServingRole
from oo.experiments.assignment import assign
from oo.experiments.draw import draw
from oo.experiments.policy import Arms, Policy, Probabilities
from oo.experiments.policy_state import dump
from oo.experiments.uniform import Uniform
from oo.features.profile_admission import ProfileAdmission
from oo.features.services import NO_VALUES, FeatureService, Values
from oo.telemetry import UNSERVED

# What answers when the policy's own inputs are missing: its propensity is known, so even this choice can be replayed.
FALLBACK = Uniform(version="fallback")
MOST_CANDIDATES = 1000

ScoreShortfall = Literal["online_store", "model", "decision_log"]

Plain = dict[str, Any]


class CandidateTip(HttpModel):
    """A tip that may be chosen, and what the caller knows of it for this person."""

    tip_id: Name
    """The caller's own name of the tip; events about it refer to it."""
    features: JsonFeatures | None = None
    """What the caller knows of the tip, such as its topic. Absent or null is unknown, which is not 0."""
    prompt_version: PromptVersion | None = None
    """For a tip that `/generate` wrote, the `prompt_version` of its answer: the prompt earns the tip's reward."""


class ScoreRequest(HttpModel):
    """Which of these tips should this person see now?"""

    request_id: RequestId | None = None
    """A UUID that names the decision, so that a retry gets the first answer; goes before the header `x-request-id`.
    Anything but a UUID names nothing. Absent: the header's, else a new one."""
    tenant_id: Name
    """The tenant, as a catalog declares it: it says which policy, model and features decide."""
    user_id: Name
    """The person: the key of what the signals told about them, and of the side that they are on in an experiment."""
    candidates: Annotated[tuple[CandidateTip, ...], Field(min_length=1, max_length=MOST_CANDIDATES)]
    """The tips to choose among, each `tip_id` once. Their order means nothing."""
    profile_features: ProfileFeatures | None = None
    """What the caller computed about the person, by the names of the profile schema; others are ignored and counted.
    Absent: nothing is known."""
    context: JsonFeatures = Field(default_factory=dict)
    """What the caller knows of the moment, such as the hour of the person's day."""

    @field_validator("candidates")
    @classmethod
    def _are_different(cls, candidates: tuple[CandidateTip, ...]) -> tuple[CandidateTip, ...]:
        if len({c.tip_id for c in candidates}) < len(candidates):
            raise ValueError("each tip_id may stand once")
        return candidates


class RankedTip(HttpModel):
    """A tip with the model's estimate of its reward and the probability of its being chosen."""

    tip_id: str
    score: float | None
    """The model's estimate of the reward, higher is better; null when no model scored."""
    probability: Probability
    """The probability with which the policy would choose this tip. Those of a ranking sum to 1."""


class ScoreResponse(HttpModel):
    """The chosen tip, and the numbers that it was chosen by."""

    decision_id: DecisionId
    """Names this decision for the events about it on the bus. The caller's request id when that is a UUID."""
    tip_id: str
    """The tip to show. The draw is seeded by `decision_id`."""
    ranking: Annotated[tuple[RankedTip, ...], Field(min_length=1)]
    """Every candidate, the highest score first and equal ones by `tip_id`."""
    propensity: Annotated[float, Field(gt=0, le=1)]
    """The probability with which `tip_id` was chosen, as in its entry of `ranking`."""
    policy: NamedVersion
    """What turned scores into probabilities. `uniform`, `fallback` when the policy's own inputs were missing."""
    model: NamedVersion | None
    """What scored; null when no model was loaded."""
    feature_service: str
    """The columns that the model read, such as `tips@1`."""
    experiment: AssignedExperiment | None
    """Null when the tenant runs none."""
    degraded: tuple[ScoreShortfall, ...]
    """What the answer had to do without; empty for a full one. A decision that names anything is kept out of learning.

    - `online_store`: the signal features could not be read in time.
    - `model`: no model was loaded; a policy that needs scores chose uniformly.
    - `decision_log`: the decision was not recorded in time, so events about it cannot be joined."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Decides which tip a person sees, and records the decision before it is told."""

    catalog: Catalog
    signals: SignalReader
    champions: Champions
    policy_states: PolicyStates
    recorder: Recorder[ScoreDecided]
    role: ServingRole
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    profiles: ProfileAdmission = field(default_factory=ProfileAdmission)
    splits: Splits = field(default_factory=Splits)
    """Where a rollout has put another policy in the place of the catalog's."""
    faults: Faults = NO_FAULTS

    async def decide(self, request: ScoreRequest, header_id: str | None = None) -> ScoreResponse:
        """The decision on this request, logged; a retry with the same id gets the first answer again.

        Args:
            request: the body.
            header_id: the `x-request-id` header, which names the decision when the body does not.

        Raises:
            UnknownTenant: no catalog declares the tenant.
            InvalidFeature: a profile feature, or another one that the model reads, has the wrong type; names it.
            DecisionConflict: the request id named another question before.
            RehearsedFault: it fails on purpose.
        """
        started = time.perf_counter()
        tenant = self.catalog.tenant(request.tenant_id)
        service = self.catalog.service(tenant.feature_service)
        profile = self.profiles.admit(request.profile_features)
        identity = decision_id(request.request_id, header_id, self.new_id)
        await self.faults.strike(str(identity))
        at = self.now()
        degraded: list[str] = []

        signal, signal_sequence = await self._signals(request, service, at, degraded)
        scores, champion = self._score(request, service, profile or NO_VALUES, signal, degraded)
        policy, experiment = _policy_for(tenant, request.user_id, self.splits.of("policy", tenant.name), str(identity))
        arms = Arms(tuple(c.tip_id for c in request.candidates), scores)
        if policy.needs_scores and scores is None:
            policy = FALLBACK
        state = self.policy_states.of(tenant.name, policy, arms.tip_ids)
        probabilities = policy.probabilities(arms, state)
        chosen = draw(identity, arms.tip_ids, probabilities)

        # One validation of the whole, out of plain dicts: an object made for each arm would take most of the time.
        decided = ScoreDecided.model_validate(
            {
                "decision_id": str(identity),
                "serving_role": self.role,
                "candidates": [
                    {"tip_id": c.tip_id, "features": c.features, "prompt_version": c.prompt_version}
                    for c in request.candidates
                ],
                "profile_features": profile,
                "context": request.context,
                "signal_features": dict(signal) if signal else None,
                "signal_sequence": signal_sequence,
                "ranking": _ranking(arms, probabilities),
                "tip_id": arms.tip_ids[chosen],
                "propensity": float(probabilities[chosen]),
                "policy": {"name": policy.name, "version": policy.version},
                "policy_state": dump(state) if policy.needs_state else None,
                "model": _model_used(champion) if champion else None,
                "feature_service": service.name,
                "experiment": experiment,
                "degraded": degraded,
                "latency": timedelta(seconds=time.perf_counter() - started),
            }
        )
        return _response(*await self.recorder.record(decided, tenant_id=tenant.name, user_id=request.user_id, at=at))

    async def _signals(
        self, request: ScoreRequest, service: FeatureService, at: datetime, degraded: list[str]
    ) -> tuple[Values, int]:
        names = service.signal_names()
        if not names:
            return NO_VALUES, 0
        try:
            return await self.signals.read(request.tenant_id, request.user_id, names, at)
        except OnlineStoreUnavailable:
            degraded.append("online_store")
            return NO_VALUES, 0

    def _score(
        self, request: ScoreRequest, service: FeatureService, profile: Values, signal: Values, degraded: list[str]
    ) -> tuple[npt.NDArray[np.float64] | None, Champion | None]:
        rows = service.encode(
            [(c.tip_id, c.features or NO_VALUES) for c in request.candidates],
            profile=profile,
            signal=signal,
            context=request.context,
        )
        try:
            champion = self.champions.of(service)
        except ModelNotReady:
            degraded.append("model")
            return None, None
        return champion.model.score(rows), champion


def _policy_for(tenant: Tenant, user_id: str, split: Split | None, decision_id: str) -> tuple[Policy, Plain | None]:
    if tenant.experiment is not None:
        variant = assign(tenant.experiment, tenant.name, user_id)
        return variant.policy, {"name": tenant.experiment.name, "variant": variant.name}
    if split is None:
        return tenant.policy, None
    version = split.version_for(decision_id)
    if version not in tenant.policies:
        UNSERVED.labels("policy", version).inc()
    return tenant.policies.get(version, tenant.policy), None


def _ranking(arms: Arms, probabilities: Probabilities) -> list[Plain]:
    scores: Sequence[float | None] = [None] * len(arms) if arms.scores is None else arms.scores.tolist()
    arms_in_order = sorted(
        zip(arms.tip_ids, scores, probabilities.tolist(), strict=True), key=lambda arm: (-(arm[1] or 0.0), arm[0])
    )
    return [{"tip_id": t, "score": s, "probability": p} for t, s, p in arms_in_order]


def _model_used(champion: Champion) -> Plain:
    version = champion.version
    return {"name": version.name, "version": str(version.version), "digest": version.digest}


def _response(decided: ScoreDecided, degraded: tuple[str, ...]) -> ScoreResponse:
    model, experiment = decided.model, decided.experiment
    return ScoreResponse.model_validate(
        {
            "decision_id": decided.decision_id,
            "tip_id": decided.tip_id,
            "ranking": [
                {"tip_id": arm.tip_id, "score": arm.score, "probability": arm.probability} for arm in decided.ranking
            ],
            "propensity": decided.propensity,
            "policy": {"name": decided.policy.name, "version": decided.policy.version},
            "model": {"name": model.name, "version": model.version} if model else None,
            "feature_service": decided.feature_service,
            "experiment": {"name": experiment.name, "variant": experiment.variant} if experiment else None,
            "degraded": degraded,
        }
    )
