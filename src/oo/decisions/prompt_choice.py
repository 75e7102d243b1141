"""Which prompt version writes a tip."""

from dataclasses import dataclass, field

from oo.catalog import Catalog, Tenant
from oo.decisions.splits import Splits
from oo.errors import RetiredPromptVersion, UnknownPromptVersion
from oo.events.decision import ExperimentArm
from oo.experiments.assignment import assign
from oo.prompts.library import Prompt, PromptLibrary
from oo.telemetry import UNSERVED


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """The request's version, else that of the tenant's experiment, of its rollout, or the deployment's default."""

    library: PromptLibrary
    default: str
    splits: Splits = field(default_factory=Splits)

    def of(
        self, requested: str | None, tenant: Tenant, user_id: str, decision_id: str
    ) -> tuple[Prompt, ExperimentArm | None]:
        """The prompt, and the person's side of the experiment when it was that which chose.

        Raises:
            UnknownPromptVersion: the request names a version that was never released.
            RetiredPromptVersion: it names one that is used no more.
        """
        if requested is not None:
            return self.library.get(requested), None
        experiment = tenant.prompt_experiment
        if experiment is not None:
            variant = assign(experiment, tenant.name, user_id)
            return self.library.get(variant.prompt_version), ExperimentArm(name=experiment.name, variant=variant.name)
        return self._rolled_out(tenant.name, decision_id) or self.library.get(self.default), None

    def on_trial(self, tenant: str, stable: Prompt) -> Prompt | None:
        """The prompt that a rollout wants a second tip of, beside one that was written with the one that serves."""
        split = self.splits.of("prompt", tenant)
        if split is None or not split.mirror or split.candidate is None or split.stable != stable.version:
            return None
        return self._known(split.candidate)

    def check(self, catalog: Catalog) -> None:
        """Refuse a default, or a variant of an experiment, that no request could be answered with.

        Raises:
            UnknownPromptVersion: it was never released.
            RetiredPromptVersion: it is used no more.
        """
        experiments = (tenant.prompt_experiment for tenant in catalog.tenants)
        variants = (
            variant.prompt_version for experiment in experiments if experiment for variant in experiment.variants
        )
        for version in (self.default, *variants):
            self.library.get(version)

    def _rolled_out(self, tenant: str, decision_id: str) -> Prompt | None:
        split = self.splits.of("prompt", tenant)
        return self._known(split.version_for(decision_id)) if split else None

    def _known(self, version: str) -> Prompt | None:
        """None where this process was built before the version was released, or after it was retired."""
        try:
            return self.library.get(version)
        except (UnknownPromptVersion, RetiredPromptVersion):
            UNSERVED.labels("prompt", version).inc()
            return None
