"""A logged decision made again from its record alone: same model bytes, same policy, same draw."""

from dataclasses import dataclass
from uuid import UUID

from oo.catalog import Catalog
from oo.decisions.score import FALLBACK
from oo.errors import UnknownPolicy
from oo.events.decision import ScoreDecided
from oo.experiments.draw import draw
from oo.experiments.policy import Arms, Policy
from oo.experiments.policy_state import parse
from oo.features.services import NO_VALUES
from oo.models.onnx_model import OnnxModel


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the replay chose."""

    tip_id: str
    propensity: float

    def equals(self, decided: ScoreDecided) -> bool:
        """Whether it is, to the bit, what was logged."""
        return self.tip_id == decided.tip_id and self.propensity == decided.propensity


def replay(tenant_id: str, decided: ScoreDecided, catalog: Catalog, model: OnnxModel | None) -> Replayed:
    """Make the decision again.

    Args:
        tenant_id: the envelope's tenant.
        decided: the record.
        catalog: declares the feature service and the policy that the record names.
        model: the model version that the record names, or None when it names none.

    Raises:
        UnknownPolicy: the catalog no longer declares that version of the policy.
    """
    service = catalog.service(decided.feature_service)
    rows = service.encode(
        [(c.tip_id, c.features or NO_VALUES) for c in decided.candidates],
        profile=decided.profile_features or NO_VALUES,
        signal=decided.signal_features or NO_VALUES,
        context=decided.context or NO_VALUES,
    )
    arms = Arms(tuple(c.tip_id for c in decided.candidates), model.score(rows) if model else None)
    probabilities = _policy(tenant_id, decided, catalog).probabilities(arms, parse(decided.policy_state or {}))
    chosen = draw(UUID(decided.decision_id), arms.tip_ids, probabilities)
    return Replayed(arms.tip_ids[chosen], float(probabilities[chosen]))


def _policy(tenant_id: str, decided: ScoreDecided, catalog: Catalog) -> Policy:
    tenant = catalog.tenant(tenant_id)
    variants = tenant.experiment.variants if tenant.experiment else ()
    wanted = decided.policy.name, decided.policy.version
    for policy in (*tenant.policies.values(), *(v.policy for v in variants), FALLBACK):
        if (policy.name, policy.version) == wanted:
            return policy
    raise UnknownPolicy(f"tenant {tenant_id!r} no longer declares policy {wanted[0]}@{wanted[1]}; restore its entry")
