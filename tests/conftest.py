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

_STACK = "running_stack"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each file together on one worker, the files that share the local stack too, and begin with what is slow."""
    of_stack = {item.path for item in items if _STACK in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path not in of_stack, "integration" not in item.path.parts))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_STACK if item.path in of_stack else str(item.path)))
