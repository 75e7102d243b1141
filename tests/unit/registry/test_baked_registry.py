from pathlib import Path

import pytest

from oo.catalog import Catalog
from oo.decisions.champions import Champions
from oo.errors import InvalidModel, InvalidSettings, ReadOnlyRegistry, UnknownModel
from oo.events.decision import ServingRole
from oo.registry.baked_registry import BakedRegistry, bake
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import ALIASES, CANARY, CHAMPION, ModelVersion
from oo.training.prior import bootstrap, prior

COLUMNS = [{"source": "context", "name": name, "type": "number"} for name in ("hour", "day")]
CATALOG = Catalog.model_validate(
    {
        "feature_services": [
            {"name": "tiny@1", "model": "tiny", "columns": COLUMNS[:1]},
            {"name": "small@1", "model": "small", "columns": COLUMNS},
        ]
    }
)
MODELS = [service.model for service in CATALOG.feature_services]


@pytest.fixture
def registry() -> MemoryRegistry:
    held = MemoryRegistry()
    for service in CATALOG.feature_services:
        bootstrap(held, service)
    return held


@pytest.fixture
def folder(registry: MemoryRegistry, tmp_path: Path) -> Path:
    bake(registry, MODELS, tmp_path / "models")
    return tmp_path / "models"


def promote(registry: MemoryRegistry) -> ModelVersion:
    service = CATALOG.feature_services[0]
    again = registry.register(
        service.model,
        prior(service),
        feature_service=service.name,
        feature_digest=service.digest,
        files={},
        tags={"recipe": "the prior"},
    )
    registry.set_alias(service.model, CHAMPION, again.version)
    return again


@pytest.mark.parametrize("role", [ServingRole.STABLE, ServingRole.CANARY, ServingRole.SHADOW])
def test_the_same_champions_are_served_from_the_folder_in_every_role(
    registry: MemoryRegistry, folder: Path, role: ServingRole
) -> None:
    here, there = Champions(BakedRegistry(folder), CATALOG, role), Champions(registry, CATALOG, role)
    here.refresh()
    there.refresh()
    assert here.complete
    for service in CATALOG.feature_services:
        assert here.of(service).version == there.of(service).version


def test_only_the_champion_is_there(folder: Path) -> None:
    baked = BakedRegistry(folder)
    (version,) = baked.versions("tiny")
    assert [alias for alias in ALIASES if baked.by_alias("tiny", alias) == version] == [CHAMPION]
    assert baked.by_alias("other", CHAMPION) is None
    assert baked.versions("other") == []


def test_baking_again_leaves_nothing_of_the_champions_before(registry: MemoryRegistry, folder: Path) -> None:
    newer = promote(registry)
    before = {path.name for path in folder.iterdir()}
    assert bake(registry, ["tiny"], folder) == [newer]
    baked = BakedRegistry(folder)
    assert baked.by_alias("tiny", CHAMPION) == newer
    assert baked.tags(newer) == {"recipe": "the prior"}
    assert baked.by_alias("small", CHAMPION) is None
    assert {path.name for path in folder.iterdir()} < before


def test_the_same_champions_make_the_same_files(registry: MemoryRegistry, folder: Path, tmp_path: Path) -> None:
    bake(registry, reversed(MODELS), tmp_path / "again")
    first, second = ({path.name: path.read_bytes() for path in one.iterdir()} for one in (folder, tmp_path / "again"))
    assert first == second


def test_a_folder_with_something_else_in_it_is_left_alone(registry: MemoryRegistry, tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("not ours")
    with pytest.raises(InvalidModel, match="other files than baked models"):
        bake(registry, MODELS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.md"]


def test_nothing_is_baked_while_one_has_no_champion(registry: MemoryRegistry, folder: Path) -> None:
    before = (folder / "models.json").read_bytes()
    with pytest.raises(UnknownModel, match="other: no champion is there to bake"):
        bake(registry, [*MODELS, "other"], folder)
    assert (folder / "models.json").read_bytes() == before


def test_what_would_change_a_baked_model_is_refused_in_words(folder: Path) -> None:
    baked = BakedRegistry(folder)
    (version,) = baked.versions("tiny")
    with pytest.raises(ReadOnlyRegistry, match=r"tiny 1 cannot become canary: the models in .* are baked in"):
        baked.set_alias("tiny", CANARY, 1)
    with pytest.raises(ReadOnlyRegistry, match="champion of tiny cannot be taken away"):
        baked.remove_alias("tiny", CHAMPION)
    with pytest.raises(ReadOnlyRegistry, match="nothing can be attached to tiny 1"):
        baked.attach(version, {}, {"verdict": "passed"})
    with pytest.raises(ReadOnlyRegistry, match="a new version of tiny cannot be registered"):
        baked.register("tiny", b"", feature_service="tiny@1", feature_digest="", files={}, tags={})
    with pytest.raises(UnknownModel, match="only its model was baked"):
        baked.read_file(version, "manifest.json")


def test_a_folder_without_baked_models_is_named_with_the_remedy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="oo model bake FOLDER"):
        BakedRegistry(tmp_path / "nowhere")
    (folder / "models.json").write_text("{}")
    with pytest.raises(InvalidSettings, match=r"models\.json: champions: Field required; bake the models again"):
        BakedRegistry(folder)


def test_a_model_that_is_not_the_baked_one_is_refused(folder: Path) -> None:
    baked = BakedRegistry(folder)
    (version,) = baked.versions("tiny")
    (folder / f"{version.digest}.onnx").write_bytes(b"another")
    with pytest.raises(InvalidModel, match="not the file that was registered; bake it again"):
        baked.load(version)
    (folder / f"{version.digest}.onnx").unlink()
    with pytest.raises(UnknownModel, match="cannot be read"):
        baked.load(version)
    with pytest.raises(UnknownModel, match="no version 7"):
        baked.load(ModelVersion("tiny", 7, version.digest, version.feature_service, version.feature_digest))
