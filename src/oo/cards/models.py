from collections.abc import Iterable, Mapping
from typing import Any

from oo.cards.facts import Check, ModelFacts, Step
from oo.features.services import FeatureService
from oo.registry.history import Recorded
from oo.registry.registry import ModelVersion


def model_facts(
    version: ModelVersion,
    service: FeatureService,
    *,
    manifest: Mapping[str, Any],
    checks: Iterable[Check],
    rollout: Iterable[Recorded] = (),
) -> ModelFacts:
    """The facts of one version of a model.

    Args:
        version: the version.
        service: whose columns it reads.
        manifest: its manifest.json, with `dataset` and `fit`.
        checks: what the gates said.
        rollout: the model's transitions; those of the version are its rollout history.
    """
    return ModelFacts(
        name=version.name,
        version=version.version,
        digest=version.digest,
        feature_service=version.feature_service,
        feature_digest=version.feature_digest,
        inputs=tuple(column.name for column in service.columns),
        dataset=manifest["dataset"],
        fit=manifest["fit"],
        checks=tuple(checks),
        rollout=steps(version, rollout),
    )


def steps(version: ModelVersion, rollout: Iterable[Recorded]) -> tuple[Step, ...]:
    """The version's own among a model's transitions."""
    return tuple(_step(one) for one in rollout if one.transition.version == str(version.version))


def _step(recorded: Recorded) -> Step:
    told = recorded.transition
    return Step(
        at=told.at.isoformat(),
        stage=told.stage,
        percent=told.percent,
        who=told.who,
        why=told.why,
        evidence=told.evidence,
    )
