"""Versions of policies and prompts, for which there is no registry: their names follow from the history alone."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from oo.bus.keys import key_part
from oo.catalog import Catalog, Tenant
from oo.errors import BusUnreachable, EvidenceChanged, RolloutRefused, UnknownPolicy
from oo.prompts.library import PromptLibrary
from oo.registry.history import Recorded, Subject
from oo.registry.registry import CHAMPION, Alias
from oo.rollout.evidence import Artefact


class _TenantVersions(ABC):
    """Keeps evidence in a bucket.

    Args:
        bucket: for files of less than the largest message of the server, 1 MiB unless configured; evidence of one
            tenant takes some ten kB.
        catalog: the tenants.
    """

    def __init__(self, bucket: KeyValue, catalog: Catalog) -> None:
        self._bucket = bucket
        self._catalog = catalog

    async def named(self, subject: Subject, alias: Alias) -> str | None:
        """As in `Versions`: what serves before there is a history, which tells all the rest."""
        return self._first(self._catalog.tenant(subject.name)) if alias == CHAMPION else None

    async def name(self, subject: Subject, alias: Alias, version: str | None) -> None:  # noqa: B027  # for both kinds
        """As in `Versions`: there is nobody to tell."""

    async def tell(self, subject: Subject, history: Sequence[Recorded]) -> None:  # noqa: B027  # for both kinds
        """The same: their cards are of a kind of policy, and of the generator, for all tenants."""

    async def keep(self, subject: Subject, version: str, files: Mapping[str, bytes]) -> None:
        """As in `Versions`."""
        try:
            for name, content in files.items():
                await self._bucket.put(_key(subject, version, name), content)
        except (NatsError, OSError) as error:
            raise _silent(subject, error) from error

    async def kept(self, subject: Subject, version: str, name: str) -> bytes:
        """As in `Versions`."""
        try:
            return (await self._bucket.get(_key(subject, version, name))).value or b""
        except KeyNotFoundError as error:
            raise EvidenceChanged(f"{name} of {subject} {version} is not among the evidence that is kept") from error
        except (NatsError, OSError) as error:
            raise _silent(subject, error) from error

    @abstractmethod
    def _first(self, tenant: Tenant) -> str:
        """The version that serves before anything was rolled out."""


class PolicyVersions(_TenantVersions):
    """A tenant's policies as the catalog declares them, by name@version."""

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        """As in `Versions`; the parameters as JSON are hashed.

        Raises:
            UnknownPolicy: the catalog does not declare it; names those that it does.
            RolloutRefused: the tenant runs an experiment, which chooses the policy.
        """
        tenant = self._catalog.tenant(subject.name)
        if tenant.experiment is not None:
            raise _experimenting(subject, tenant.experiment.name)
        policy = tenant.policies.get(version)
        if policy is None:
            raise UnknownPolicy(
                f"tenant {tenant.name!r} declares no policy {version!r}, only {', '.join(tenant.policies)};"
                " add it to `candidates:` of its entry in the catalog"
            )
        parameters = json.dumps(policy.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return Artefact(digest=hashlib.sha256(parameters.encode()).hexdigest())

    def _first(self, tenant: Tenant) -> str:
        return tenant.policy.id


class PromptVersions(_TenantVersions):
    """The released prompts, which all tenants share.

    Args:
        bucket: as for policies.
        catalog: the same.
        library: the prompts.
        default: the version for requests that name none.
    """

    def __init__(self, bucket: KeyValue, catalog: Catalog, library: PromptLibrary, default: str) -> None:
        super().__init__(bucket, catalog)
        self._library = library
        self._default = default

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        """As in `Versions`: the hash of the prompt's file.

        Raises:
            UnknownPromptVersion: it was never released; lists those that may be used.
            RetiredPromptVersion: it is used no more; lists the same.
            RolloutRefused: the tenant runs an experiment, which chooses the prompt.
        """
        experiment = self._catalog.tenant(subject.name).prompt_experiment
        if experiment is not None:
            raise _experimenting(subject, experiment.name)
        return Artefact(digest=self._library.get(version).hash)

    def _first(self, _tenant: Tenant) -> str:
        return self._default


def _experimenting(subject: Subject, experiment: str) -> RolloutRefused:
    return RolloutRefused(
        f"tenant {subject.name!r} runs the experiment {experiment!r}, which chooses its {subject.kind} for everybody;"
        " end it first: take it out of the tenant's entry in the catalog"
    )


def _silent(subject: Subject, error: Exception) -> BusUnreachable:
    return BusUnreachable(f"the evidence of {subject} cannot be kept or read ({error!r}); is the NATS server running?")


def _key(subject: Subject, version: str, name: str) -> str:
    return ".".join((subject.kind, *map(key_part, (subject.name, version, name))))
