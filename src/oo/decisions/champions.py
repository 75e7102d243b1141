"""The champions that a scorer serves: loaded from the registry, swapped whole, kept when the registry is away."""

import asyncio
import logging
from dataclasses import dataclass

from oo.catalog import Catalog
from oo.errors import InvalidModel, ModelNotReady, RegistryUnreachable, UnknownModel
from oo.features.services import FeatureService
from oo.models.onnx_model import OnnxModel
from oo.registry.registry import CHAMPION, ModelVersion, Registry

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Champion:
    """A model version and the model itself, ready to score."""

    version: ModelVersion
    model: OnnxModel


class Champions:
    """The champion of each feature service in the catalog."""

    def __init__(self, registry: Registry, catalog: Catalog) -> None:
        self._registry = registry
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
        """Load what the alias `champion` names now, wherever that changed. Blocks: call it beside the event loop.

        A request that is being answered keeps the model that it began with.

        Raises:
            RegistryUnreachable: the registry did not answer; what was loaded stays.
        """
        for service in self._services:
            version = self._registry.by_alias(service.model, CHAMPION)
            serving = self._serving.get(service.name)
            if version is None or (serving and serving.version == version):
                continue
            try:
                self._serving[service.name] = self._load(service, version)
            except (InvalidModel, UnknownModel) as error:
                _log.error("champion refused", extra=_named(service, version) | {"error": str(error)})
            else:
                _log.info("champion loaded", extra=_named(service, version))

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
