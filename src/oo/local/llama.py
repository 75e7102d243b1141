"""The local language model, `python -m oo.local.llama PORT`: llama.cpp's server, in an environment of its own."""

import json
import os
import sys
from pathlib import Path

from oo.local.settings import PROJECT_DIR

MODEL = "openai/gemma-3-270m"
"""Its name as LiteLLM writes it."""
SECONDS = 30
"""Within which it writes a tip twice, with some to spare."""
ENVIRONMENT = PROJECT_DIR / ".venv-llm"
_SERVER = PROJECT_DIR / "scripts" / "llama_server.py"


def generator_environment(port: int) -> dict[str, str]:
    """The settings of a generator that asks the server on this port."""
    return {
        "OO_LLM_MODEL": MODEL,
        "OO_LLM_API_BASE": f"http://127.0.0.1:{port}/v1",
        "OO_LLM_PRICES": json.dumps({MODEL: {"prompt": 0, "completion": 0}}),
        "OO_LLM_TIMEOUT": str(SECONDS),
    }


def main(port: str, environment: Path = ENVIRONMENT) -> None:
    """Become the server."""
    python = environment / "bin" / "python"
    if not python.exists():
        sys.exit(f"{environment.name} is not there: `make llm` makes it, which takes some minutes once")
    # Isolated: no path of oO's own environment reaches it.
    os.execv(python, (python, "-I", _SERVER, port))  # noqa: S606  # our own program, by its path


if __name__ == "__main__":
    main(sys.argv[1])
