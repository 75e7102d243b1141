import pytest
from prometheus_client import REGISTRY

from oo.catalog import Catalog
from oo.decisions.champions import Champions
from oo.errors import ModelNotReady, RegistryUnreachable
from oo.events.decision import ServingRole
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import CANARY, CHAMPION, SHADOW, Alias, ModelVersion
from oo.training.prior import bootstrap, prior

CATALOG = Catalog.model_validate(
    {
        "feature_services": [
            {"name": "tiny@1", "model": "tiny", "columns": [{"source": "context", "name": "hour", "type": "number"}]}
        ]
    }
)
SERVICE = CATALOG.service("tiny@1")


class LeavingRegistry(MemoryRegistry):
    away = False

    def by_alias(self, name: str, alias: Alias) -> ModelVersion | None:
        if self.away:
            raise RegistryUnreachable("the registry is away")
        return super().by_alias(name, alias)


@pytest.fixture
def registry() -> LeavingRegistry:
    return LeavingRegistry()


@pytest.fixture
def champions(registry: LeavingRegistry) -> Champions:
    return Champions(registry, CATALOG)


def promote(registry: MemoryRegistry, onnx: bytes, digest: str = SERVICE.digest) -> ModelVersion:
    version = registry.register("tiny", onnx, feature_service=SERVICE.name, feature_digest=digest, files={}, tags={})
    registry.set_alias("tiny", CHAMPION, version.version)
    return version


def test_without_a_champion_a_service_is_not_ready(champions: Champions) -> None:
    champions.refresh()
    assert not champions.complete
    with pytest.raises(ModelNotReady, match="oo bootstrap"):
        champions.of(SERVICE)


def test_a_new_champion_is_taken_over(registry: LeavingRegistry, champions: Champions) -> None:
    bootstrap(registry, SERVICE)
    champions.refresh()
    assert champions.complete
    newer = promote(registry, prior(SERVICE))
    champions.refresh()
    assert champions.of(SERVICE).version == newer


def test_what_is_loaded_stays_while_the_registry_is_away(registry: LeavingRegistry, champions: Champions) -> None:
    first = bootstrap(registry, SERVICE)
    champions.refresh()
    registry.away = True
    with pytest.raises(RegistryUnreachable):
        champions.refresh()
    assert champions.of(SERVICE).version == first


@pytest.mark.parametrize(
    ("onnx", "digest"),
    [
        pytest.param(prior(SERVICE), "other columns", id="trained on other columns"),
        pytest.param(b"not a model", SERVICE.digest, id="no model"),
    ],
)
def test_a_champion_that_cannot_serve_is_refused_and_the_old_one_stays(
    registry: LeavingRegistry, champions: Champions, onnx: bytes, digest: str
) -> None:
    first = bootstrap(registry, SERVICE)
    champions.refresh()
    promote(registry, onnx, digest)
    champions.refresh()
    assert champions.of(SERVICE).version == first


@pytest.mark.parametrize(("role", "alias"), [(ServingRole.CANARY, CANARY), (ServingRole.SHADOW, SHADOW)])
def test_a_candidate_is_served_by_its_role_alone_and_only_while_there_is_one(
    registry: LeavingRegistry, role: ServingRole, alias: Alias
) -> None:
    first = bootstrap(registry, SERVICE)
    beside = {each: Champions(registry, CATALOG, each) for each in (ServingRole.STABLE, role)}

    def served() -> dict[ServingRole, ModelVersion]:
        for champions in beside.values():
            champions.refresh()
        return {each: champions.of(SERVICE).version for each, champions in beside.items()}

    assert served() == {ServingRole.STABLE: first, role: first}
    assert REGISTRY.get_sample_value("oo_model_version", {"model": "tiny"}) == first.version
    candidate = registry.register(
        "tiny", prior(SERVICE), feature_service=SERVICE.name, feature_digest=SERVICE.digest, files={}, tags={"n": "2"}
    )
    registry.set_alias("tiny", alias, candidate.version)
    assert served() == {ServingRole.STABLE: first, role: candidate}
    registry.remove_alias("tiny", alias)
    assert served() == {ServingRole.STABLE: first, role: first}
