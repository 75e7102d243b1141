"""What all tests share: no library phones home, and what is slow to start is started once."""

import os

# Before any import of ours: no library phones home from a test.
os.environ.update(
    ORT_DISABLE_TELEMETRY="1",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    MLFLOW_DISABLE_TELEMETRY="true",
    BENTOML_DO_NOT_TRACK="True",
)

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it ships no types

_TOGETHER = frozenset(
    f"tests/{file}"
    for file in (
        "integration/test_loop.py",
        "integration/test_http_contract.py",
        "integration/test_typescript_caller.py",
        "contract/test_typescript_client.py",
    )
)
"""Those that share the local stack, which takes half a minute to start, or the TypeScript package, which they build."""


class _Files(LoadScopeScheduling):  # type: ignore[misc]  # the same
    """Keeps the tests of a file on one worker, as `--dist=loadfile` does, and those `_TOGETHER` too."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "together" if file in _TOGETHER else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Files:
    """Who gets which tests."""
    return _Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow, so that no worker is left with it in the end."""
    items.sort(key=lambda item: (item.nodeid.partition("::")[0] not in _TOGETHER, "integration" not in item.path.parts))
