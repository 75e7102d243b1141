"""Versions of models, in the registry."""

from asyncio import to_thread
from collections.abc import Mapping, Sequence

from oo.cards.facts import ModelFacts
from oo.cards.models import steps
from oo.errors import UnknownModel
from oo.registry.history import Recorded, Subject
from oo.registry.registry import Alias, ModelVersion, Registry
from oo.rollout.evidence import Artefact
from oo.training.registration import MODEL_CARD, kept_card


class ModelVersions:
    """What a rollout asks of the model registry.

    Args:
        registry: where the models are; its calls block, so they are made in threads.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def artefact(self, subject: Subject, version: str) -> Artefact:
        """As in `Versions`; the ONNX file is read and hashed."""

        def read() -> Artefact:
            found = registered(self._registry, subject.name, version)
            self._registry.load(found)
            return Artefact(digest=found.digest, feature_digest=found.feature_digest)

        return await to_thread(read)

    async def named(self, subject: Subject, alias: Alias) -> str | None:
        """As in `Versions`."""
        found = await to_thread(self._registry.by_alias, subject.name, alias)
        return None if found is None else str(found.version)

    async def name(self, subject: Subject, alias: Alias, version: str | None) -> None:
        """As in `Versions`."""
        if await self.named(subject, alias) == version:
            return
        if version is None:
            await to_thread(self._registry.remove_alias, subject.name, alias)
        else:
            await to_thread(self._registry.set_alias, subject.name, alias, int(version))

    async def keep(self, subject: Subject, version: str, files: Mapping[str, bytes]) -> None:
        """As in `Versions`."""

        def attach() -> None:
            self._registry.attach(registered(self._registry, subject.name, version), files, {})

        await to_thread(attach)

    async def kept(self, subject: Subject, version: str, name: str) -> bytes:
        """As in `Versions`."""

        def read() -> bytes:
            return self._registry.read_file(registered(self._registry, subject.name, version), name)

        return await to_thread(read)

    async def tell(self, subject: Subject, history: Sequence[Recorded]) -> None:
        """As in `Versions`; the card is the one in the registry."""

        def renew() -> None:
            version = registered(self._registry, subject.name, history[-1].transition.version)
            card, told = kept_card(self._registry, version), steps(version, history)
            if card and isinstance(card.facts, ModelFacts) and card.facts.rollout != told:
                renewed = card.with_facts(card.facts.model_copy(update={"rollout": told}))
                self._registry.attach(version, {MODEL_CARD: str(renewed).encode()}, {})

        await to_thread(renew)


def registered(registry: Registry, name: str, version: str) -> ModelVersion:
    """The version of model `name`.

    Raises:
        UnknownModel: the registry holds no such version.
    """
    for found in registry.versions(name):
        if str(found.version) == version:
            return found
    raise UnknownModel(f"model {name!r} has no version {version!r}; `oo model list` shows those that there are")
