"""The catalog: which tenant is served by which feature service, policy and experiment. YAML files, read once."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from oo.errors import InvalidCatalog, UnknownTenant, faults
from oo.events.json_types import Identifier
from oo.experiments.assignment import Experiment, PromptVariant, Variant
from oo.experiments.policies import PolicySpec
from oo.experiments.policy import Policy
from oo.features.services import FeatureService


class Tenant(BaseModel):
    """How one tenant is served."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    feature_service: str
    """The feature service whose champion scores this tenant's arms."""
    policy: PolicySpec
    """The policy outside of experiments, until a rollout puts one of the candidates in its place."""
    candidates: tuple[PolicySpec, ...] = ()
    """Further policies that a rollout may try. One that has served stays here: it is also the way back."""
    experiment: Experiment[Variant] | None = None
    """Variants with a policy each, between which people are split."""
    prompt_experiment: Experiment[PromptVariant] | None = None
    """Variants with a prompt version each, for people whose requests name no version."""
    llm_daily_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What language models may cost this tenant a day, in US dollars; the deployment's OO_LLM_DAILY_USD when absent."""
    reward_window: timedelta = timedelta(days=1)
    """How long after its exposure a reaction still counts; an exposure without one is then a reward of 0."""
    testers: tuple[Identifier, ...] = ()
    """User ids of people who try things out; nothing is learned from their decisions."""

    @model_validator(mode="after")
    def _names_each_policy_once(self) -> Self:
        ids = [policy.id for policy in (self.policy, *self.candidates)]
        if len(set(ids)) < len(ids):
            raise ValueError("a candidate has the name and version of another policy; give it another version")
        return self

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """The policies outside of experiments by their ids, such as `thompson@2`."""
        return {policy.id: policy for policy in (self.policy, *self.candidates)}


class Catalog(BaseModel):
    """All tenants and feature services of a process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature_services: tuple[FeatureService, ...] = ()
    tenants: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for kind, names in (
            ("feature service", [s.name for s in self.feature_services]),
            ("tenant", [t.name for t in self.tenants]),
        ):
            if twice := {name for name in names if names.count(name) > 1}:
                raise ValueError(f"{kind} declared twice: {', '.join(sorted(twice))}")
        for tenant in self.tenants:
            if (
                tenant.experiment
                and tenant.prompt_experiment
                and tenant.experiment.name == tenant.prompt_experiment.name
            ):
                raise ValueError(
                    f"tenant {tenant.name!r} has two experiments of one name, which would split people alike"
                )
            if tenant.feature_service not in self._services:
                raise ValueError(f"tenant {tenant.name!r} names the unknown feature service {tenant.feature_service!r}")
        return self

    @cached_property
    def _services(self) -> dict[str, FeatureService]:
        return {service.name: service for service in self.feature_services}

    @cached_property
    def _tenants(self) -> dict[str, Tenant]:
        return {tenant.name: tenant for tenant in self.tenants}

    def tenant(self, name: str) -> Tenant:
        """The tenant of this name.

        Raises:
            UnknownTenant: no catalog file declares it.
        """
        try:
            return self._tenants[name]
        except KeyError:
            raise UnknownTenant(f"tenant {name!r} is in no catalog file; declare it under `tenants:`") from None

    def service(self, name: str) -> FeatureService:
        """The feature service of this name.

        Raises:
            InvalidCatalog: no catalog file declares it.
        """
        try:
            return self._services[name]
        except KeyError:
            known = ", ".join(sorted(self._services))
            raise InvalidCatalog(f"feature service {name!r} is in no catalog file; known: {known}") from None


def load(paths: Iterable[Path]) -> Catalog:
    """One catalog out of several files.

    Raises:
        InvalidCatalog: a file is missing or contradicts itself or another one; says which and where.
    """
    services: list[object] = []
    tenants: list[object] = []
    for path in paths:
        try:
            declared = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            services += declared.pop("feature_services", [])
            tenants += declared.pop("tenants", [])
        except OSError as error:
            raise InvalidCatalog(
                f"catalog file {path}: {error.strerror}; set OO_CATALOG to files that exist"
            ) from error
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            raise InvalidCatalog(f"catalog file {path} is not a mapping of lists in YAML: {error}") from error
        if declared:
            raise InvalidCatalog(f"catalog file {path}: unknown keys {', '.join(map(str, declared))}")
    try:
        return Catalog.model_validate({"feature_services": services, "tenants": tenants})
    except ValidationError as error:
        raise InvalidCatalog(f"catalog: {faults(error, 'catalog')}") from error
