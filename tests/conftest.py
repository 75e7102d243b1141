"""What all tests share: no library phones home, and what is slow to start is started once."""

import os

# Before any import of ours: no library phones home from a test.
os.environ.update(
    ORT_DISABLE_TELEMETRY="1",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    MLFLOW_DISABLE_TELEMETRY="true",
    BENTOML_DO_NOT_TRACK="True",
)

from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

from tests.mlflow_server import mlflow_server

_TOGETHER = {
    "laptop": ("tests/integration/laptop/", "tests/contract/test_typescript_client.py"),
    "registry": (
        "tests/integration/test_forget.py",
        "tests/integration/test_model_commands.py",
        "tests/contract/test_registries.py",
    ),
}
"""Those that share what is slow: the local stack and the TypeScript package, which they build, or MLflow's server."""


class _Files(LoadScopeScheduling):  # type: ignore[misc]  # the same
    """Keeps the tests of a file on one worker, as `--dist=loadfile` does, and those `_TOGETHER` too."""

    def _split_scope(self, nodeid: str) -> str:
        alone = nodeid.partition("::")[0]
        return next((group for group, places in _TOGETHER.items() if nodeid.startswith(places)), alone)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Files:
    """Who gets which tests."""
    return _Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow, so that no worker is left with it in the end."""
    first = _TOGETHER["laptop"]
    items.sort(key=lambda item: (not item.nodeid.startswith(first), "integration" not in item.path.parts))


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of MLflow's that tests share: each keeps to models of its own name, or to the newest version of one."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri
