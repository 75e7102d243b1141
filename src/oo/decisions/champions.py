"""The champions that a scorer serves: loaded from the registry, swapped whole, kept when the registry is away."""

import asyncio
import logging
from dataclasses import dataclass

from oo.catalog import Catalog
from oo.errors import InvalidModel, ModelNotReady, RegistryUnreachable, UnknownModel
from oo.events.decision import ServingRole
from oo.features.services import FeatureService
from oo.models.onnx_model import OnnxModel
from oo.registry.registry import CANARY, CHAMPION, SHADOW, Alias, ModelVersion, Registry
from oo.telemetry import MODEL_SERVED

_log = logging.getLogger(__name__)

_ALIASES: dict[ServingRole, tuple[Alias, ...]] = {
    ServingRole.CANARY: (CANARY, CHAMPION),
    ServingRole.SHADOW: (SHADOW, CHAMPION),
}
"""What a scorer serves of each model, the first that there is; others serve the champion."""


@dataclass(frozen=True, slots=True)
class Champion:
    """A model version and the model itself, ready to score."""

    version: ModelVersion
    model: OnnxModel


class Champions:
    """The champion of each feature service in the catalog; for a canary or a shadow the candidate, where there is one.

    Args:
        registry: where the models are.
        catalog: the feature services.
        role: of the scorer.
    """

    def __init__(self, registry: Registry, catalog: Catalog, role: ServingRole = ServingRole.STABLE) -> None:
        self._registry = registry
        self._aliases = _ALIASES.get(role, (CHAMPION,))
        self._services = catalog.feature_services
        self._serving: dict[str, Champion] = {}

    def of(self, service: FeatureService) -> Champion:
        """The champion that scores for `service`.

        Raises:
            ModelNotReady: none is loaded.
        """
        try:
            return self._serving[service.name]
        except KeyError:
            raise ModelNotReady(f"{service.name} has no champion loaded; `oo bootstrap` gives it a first one") from None

    @property
    def complete(self) -> bool:
        """Whether every feature service has its champion."""
        return all(service.name in self._serving for service in self._services)

    def refresh(self) -> None:
        """Load what the role's alias names now, wherever that changed. Blocks: call it beside the event loop.

        A request that is being answered keeps the model that it began with.

        Raises:
            RegistryUnreachable: the registry did not answer; what was loaded stays.
        """
        for service in self._services:
            version = self._wanted(service.model)
            serving = self._serving.get(service.name)
            if version is None or (serving and serving.version == version):
                continue
            try:
                self._serving[service.name] = self._load(service, version)
            except (InvalidModel, UnknownModel) as error:
                _log.error("champion refused", extra=_named(service, version) | {"error": str(error)})
            else:
                MODEL_SERVED.labels(service.model).set(version.version)
                _log.info("champion loaded", extra=_named(service, version))

    def _wanted(self, model: str) -> ModelVersion | None:
        found = (self._registry.by_alias(model, alias) for alias in self._aliases)
        return next((version for version in found if version is not None), None)

    def _load(self, service: FeatureService, version: ModelVersion) -> Champion:
        if version.feature_digest != service.digest:
            raise InvalidModel(
                f"{version.name} {version.version} was trained on other columns than {service.name} declares now; "
                "train it again, or give the changed feature service a new version"
            )
        model = OnnxModel(self._registry.load(version))
        if model.width != service.width:
            raise InvalidModel(f"{version.name} {version.version} reads {model.width} cells, not {service.width}")
        return Champion(version, model)

    async def follow(self, poll_seconds: float) -> None:
        """Refresh for ever, every `poll_seconds`."""
        while True:
            try:
                await asyncio.to_thread(self.refresh)
            except RegistryUnreachable as error:
                _log.warning("serving goes on with the champions at hand", extra={"error": str(error)})
            await asyncio.sleep(poll_seconds)


def _named(service: FeatureService, version: ModelVersion) -> dict[str, object]:
    return {"feature_service": service.name, "version": version.version}
