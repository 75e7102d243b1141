"""One suite for the registry in memory and the one in MLflow."""

import hashlib
import socket
import time
import uuid
from pathlib import Path

import mlflow
import pytest
from onnx import TensorProto, helper

from oo.errors import InvalidModel, RegistryUnreachable, UnknownModel
from oo.registry.baked_registry import BakedRegistry, bake
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import ALIASES, CANARY, CHALLENGER, CHAMPION, PREVIOUS, ROWS_SHA256, ModelVersion, Registry


@pytest.fixture(params=["memory", "mlflow"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    return MlflowRegistry(request.getfixturevalue("mlflow_uri"))


@pytest.fixture
def name() -> str:
    return f"tips_{uuid.uuid4().hex}"


def registered(registry: Registry, name: str, onnx: bytes = b"a model", rows: str | None = None) -> ModelVersion:
    return registry.register(
        name,
        onnx,
        feature_service="tips@1",
        feature_digest="f" * 64,
        files={"manifest.json": b'{"rows": 3}'},
        tags={"rows": "3"} | ({} if rows is None else {ROWS_SHA256: rows}),
    )


def test_versions_count_up_from_one(registry: Registry, name: str) -> None:
    versions = [registered(registry, name, onnx) for onnx in (b"first", b"second")]
    assert [version.version for version in versions] == [1, 2]
    assert registry.versions(name) == versions


def test_the_same_file_of_the_same_rows_is_registered_once(registry: Registry, name: str) -> None:
    first = registered(registry, name, rows="a" * 64)
    registry.set_alias(name, CHAMPION, first.version)
    registry.attach(first, {"manifest.json": b"judged"}, {"verdict": "passed"})
    assert registered(registry, name, rows="a" * 64) == first
    assert registry.versions(name) == [first]
    assert registry.by_alias(name, CHAMPION) == first
    assert registry.read_file(first, "manifest.json") == b"judged"
    assert registry.tags(first)["verdict"] == "passed"


def test_another_file_other_rows_or_another_name_is_another_version(registry: Registry, name: str) -> None:
    first = registered(registry, name, rows="a" * 64)
    others = [
        registered(registry, name, b"another model", rows="a" * 64),
        registered(registry, name, rows="b" * 64),
        registered(registry, name),
    ]
    assert registry.versions(name) == [first, *others]
    assert registered(registry, f"{name}_too", rows="a" * 64).version == 1
    assert registered(registry, name, b"another model", rows="a" * 64) == others[0]


def test_a_version_keeps_its_tags_and_takes_more(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    assert registry.tags(version) == {"rows": "3"}
    registry.attach(version, {}, {"verdict": "passed", "rows": "4"})
    assert registry.tags(version) == {"rows": "4", "verdict": "passed"}
    with pytest.raises(UnknownModel, match="no version 9"):
        registry.tags(ModelVersion(name, 9, version.digest, version.feature_service, version.feature_digest))


def test_an_unknown_model_has_no_versions_and_no_alias(registry: Registry, name: str) -> None:
    assert registry.versions(name) == []
    assert registry.by_alias(name, CHAMPION) is None


def test_a_version_names_its_bytes_and_its_columns(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    digest = hashlib.sha256(b"a model").hexdigest()
    assert version == ModelVersion(name, 1, digest, feature_service="tips@1", feature_digest="f" * 64)
    assert registry.load(version) == b"a model"


def test_a_version_keeps_its_files(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    assert registry.read_file(version, "manifest.json") == b'{"rows": 3}'


def test_a_missing_file_is_named(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    with pytest.raises(UnknownModel, match=r"no file 'card\.md'"):
        registry.read_file(version, "card.md")


def test_files_can_be_attached_and_replaced_later(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    registry.attach(version, {"card.md": b"# tips", "manifest.json": b"{}"}, {"verdict": "passed"})
    assert registry.read_file(version, "card.md") == b"# tips"
    assert registry.read_file(version, "manifest.json") == b"{}"
    assert registry.load(version) == b"a model"


def test_an_alias_moves_from_version_to_version(registry: Registry, name: str) -> None:
    first, second = registered(registry, name), registered(registry, name)
    registry.set_alias(name, CHAMPION, first.version)
    registry.set_alias(name, CHALLENGER, second.version)
    assert registry.by_alias(name, CHAMPION) == first
    registry.set_alias(name, PREVIOUS, first.version)
    registry.set_alias(name, CHAMPION, second.version)
    assert registry.by_alias(name, CHAMPION) == second
    assert registry.by_alias(name, PREVIOUS) == first


def test_an_alias_that_was_never_set_names_nothing(registry: Registry, name: str) -> None:
    registered(registry, name)
    assert registry.by_alias(name, CHAMPION) is None


def test_every_alias_can_be_given_and_taken(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    for alias in ALIASES:
        registry.set_alias(name, alias, version.version)
    assert [registry.by_alias(name, alias) for alias in ALIASES] == [version] * len(ALIASES)
    registry.remove_alias(name, CANARY)
    without = [alias for alias in ALIASES if registry.by_alias(name, alias) is None]
    assert without == [CANARY]


def test_an_alias_that_is_not_there_can_be_taken_again(registry: Registry, name: str) -> None:
    registry.remove_alias(name, CANARY)
    version = registered(registry, name)
    registry.remove_alias(name, CANARY)
    registry.set_alias(name, CANARY, version.version)
    registry.remove_alias(name, CANARY)
    registry.remove_alias(name, CANARY)
    assert registry.by_alias(name, CANARY) is None
    registry.set_alias(name, CANARY, version.version)
    assert registry.by_alias(name, CANARY) == version


def test_an_alias_needs_an_existing_version(registry: Registry, name: str) -> None:
    registered(registry, name)
    with pytest.raises(UnknownModel, match="no version 7"):
        registry.set_alias(name, CHAMPION, 7)


def test_bytes_that_were_changed_are_refused(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    told_otherwise = ModelVersion(name, 1, "0" * 64, version.feature_service, version.feature_digest)
    with pytest.raises(InvalidModel, match="not the file that was registered"):
        registry.load(told_otherwise)


def test_a_champion_is_the_same_when_it_is_baked_into_a_folder(registry: Registry, name: str, tmp_path: Path) -> None:
    version = registered(registry, name, b"the champion", rows="a" * 64)
    registry.set_alias(name, CHAMPION, version.version)
    bake(registry, [name], tmp_path)
    baked = BakedRegistry(tmp_path)
    assert baked.by_alias(name, CHAMPION) == version
    assert baked.load(version) == b"the champion"
    assert baked.tags(version) == registry.tags(version)


def test_a_version_that_does_not_exist_cannot_be_loaded(registry: Registry, name: str) -> None:
    version = registered(registry, name)
    absent = ModelVersion(name, 9, version.digest, version.feature_service, version.feature_digest)
    with pytest.raises(UnknownModel, match="no version 9"):
        registry.load(absent)


def test_a_server_that_is_away_is_named_soon() -> None:
    with socket.socket() as taken:  # bound and not listening: nothing answers there
        taken.bind(("127.0.0.1", 0))
        registry = MlflowRegistry(f"http://127.0.0.1:{taken.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(RegistryUnreachable, match="is it running"):
            registry.by_alias("tips", CHAMPION)
        assert time.monotonic() - started < 10


def test_a_registered_version_opens_with_mlflow_itself(mlflow_uri: str, name: str, tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(value, TensorProto.FLOAT, [None]) for value in "xy")
    graph = helper.make_graph([node], "same", [x], [y])
    onnx = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString()
    registered(MlflowRegistry(mlflow_uri), name, onnx)
    mlflow.set_tracking_uri(mlflow_uri)
    opened = mlflow.onnx.load_model(f"models:/{name}/1", dst_path=str(tmp_path))
    assert opened.graph.name == "same"
