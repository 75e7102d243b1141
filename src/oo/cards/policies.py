import inspect
from collections.abc import Iterator
from typing import get_args

from oo.cards.facts import PolicyFacts, Used
from oo.catalog import Catalog, Tenant
from oo.experiments.policies import PolicySpec
from oo.experiments.policy import Policy

_OWN = ("name", "version")


def policies() -> tuple[type[Policy], ...]:
    """Those that a catalog may name."""
    union, *_ = get_args(PolicySpec)
    return get_args(union)


def policy_facts(policy: type[Policy], catalog: Catalog) -> PolicyFacts:
    """The facts of a policy: what it does, what it can be told, and who uses it."""
    name = str(policy.model_fields["name"].default)
    properties = policy.model_json_schema()["properties"]
    used = {
        (tenant.name, spec.version): spec.model_dump(mode="json", exclude=set(_OWN))
        for tenant in catalog.tenants
        for spec in _specs(tenant)
        if spec.name == name
    }
    return PolicyFacts(
        name=name,
        does=" ".join((inspect.getdoc(policy) or "").partition("\n\n")[0].split()),
        parameters={
            parameter: {key: value for key, value in of.items() if key != "title"}
            for parameter, of in properties.items()
            if parameter not in _OWN
        },
        needs_scores=policy.needs_scores,
        needs_state=policy.needs_state,
        used=tuple(Used(tenant=tenant, version=version, parameters=of) for (tenant, version), of in used.items()),
    )


def _specs(tenant: Tenant) -> Iterator[Policy]:
    yield from tenant.policies.values()
    if tenant.experiment:
        yield from (variant.policy for variant in tenant.experiment.variants)
