from collections.abc import Sequence

from oo import catalog as catalogs
from oo.cards.facts import ModelFacts
from oo.errors import UnknownModel
from oo.registry.history import Recorded, Subject
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CANARY, CHALLENGER, CHAMPION, SHADOW, ModelVersion, Registry
from oo.settings import PipelineSettings
from oo.training import registration
from oo.training.verdict import Verdict
from oo.wiring.history import history


async def model_facts(settings: PipelineSettings, name: str) -> ModelFacts | None:
    """The facts of the version of a model that its card is about; None of a first champion, which no pipeline made.

    That is the version on trial, else the champion.

    Raises:
        UnknownModel: the registry has no such model.
        RegistryUnreachable: the registry did not answer.
        HistoryUnreachable: the history did not.
    """
    registry = MlflowRegistry(settings.mlflow_url)
    version = _spoken_of(registry, name)
    try:
        manifest, verdict = (
            registry.read_file(version, file).decode() for file in (registration.MANIFEST, registration.VERDICT)
        )
    except UnknownModel:
        return None
    service = catalogs.load(settings.catalog).service(version.feature_service)
    told = Verdict.model_validate_json(verdict)
    return registration.facts(version, service, manifest, told, await _history(settings, name))


async def keep(settings: PipelineSettings, name: str, card: str) -> None:
    """Put a card's text beside the version that it is about, so that its rollout goes by what people wrote there.

    Raises:
        UnknownModel: the registry has no such model, or no pipeline made the version.
        RegistryUnreachable: the registry did not answer.
        HistoryUnreachable: the history did not.
    """
    registry = MlflowRegistry(settings.mlflow_url)
    version = _spoken_of(registry, name)
    service = catalogs.load(settings.catalog).service(version.feature_service)
    registration.write_card(registry, service, version, card, await _history(settings, name))


def _spoken_of(registry: Registry, name: str) -> ModelVersion:
    for alias in (CANARY, SHADOW, CHALLENGER, CHAMPION):
        if found := registry.by_alias(name, alias):
            return found
    raise UnknownModel(f"the registry has no champion of {name!r}; `oo bootstrap` makes the first one")


async def _history(settings: PipelineSettings, name: str) -> Sequence[Recorded]:
    async with history(settings, "oo-cards") as told:
        return await told.of(Subject(kind="model", name=name))
