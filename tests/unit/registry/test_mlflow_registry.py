import os
import subprocess
import sys

SAYS = "import os, oo.registry.mlflow_registry; print(os.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'])"


def retries(environment: dict[str, str]) -> str:
    said = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", SAYS], env=environment, capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def test_mlflow_gives_up_soon_unless_the_environment_says_otherwise() -> None:
    without = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_HTTP")}
    assert retries(without) == "1"
    assert retries(without | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "6"}) == "6"
