"""Which prompt version writes a tip."""

from dataclasses import dataclass

from oo.catalog import Catalog, Tenant
from oo.events.decision import ExperimentArm
from oo.experiments.assignment import assign
from oo.prompts.library import Prompt, PromptLibrary


@dataclass(frozen=True, slots=True)
class PromptChoice:
    """The request's version, else that of the tenant's experiment, else the deployment's default."""

    library: PromptLibrary
    default: str

    def of(self, requested: str | None, tenant: Tenant, user_id: str) -> tuple[Prompt, ExperimentArm | None]:
        """The prompt, and the person's side of the experiment when it was that which chose.

        Raises:
            UnknownPromptVersion: the request names a version that was never released.
            RetiredPromptVersion: it names one that is used no more.
        """
        experiment = tenant.prompt_experiment
        if requested is not None or experiment is None:
            return self.library.get(self.default if requested is None else requested), None
        variant = assign(experiment, tenant.name, user_id)
        return self.library.get(variant.prompt_version), ExperimentArm(name=experiment.name, variant=variant.name)

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
