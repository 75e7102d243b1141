"""Runs a pipeline on this machine with KFP's own local runner, and turns its chatter into steps, a log and a sentence.

KFP replaces `print` and the root logger's handlers while it runs, so it gets a process of its own.
"""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings

import oo
from oo.errors import PipelineFailed

_COLOUR = re.compile(r"\x1b\[\d+m")
_STEP = re.compile(r"Executing task '(?P<name>.+)'")
_NOTE = re.compile(r"\s*oo: (?P<note>.+)")
_REASON = re.compile(r"\s*oo\.errors\.\w+: (?P<sentence>.+)")
_OUTPUT = "pipeline output: "
_RESULT = re.compile(rf"\s*{_OUTPUT}(?P<output>.*)")
"""KFP indents whatever a process prints while one of its steps runs, and with parallel steps for ever after."""


def run(  # noqa: PLR0913, PLR0917  # each is a thing of its own
    pipeline: str,
    arguments: str,
    settings: Iterable[BaseSettings],
    log: Path,
    on_step: Callable[[str], None],
    on_note: Callable[[str], None] = lambda _: None,
) -> str:
    """Run a pipeline and return its output.

    Args:
        pipeline: `module:function`.
        arguments: the pipeline's arguments, a JSON object.
        settings: what its steps read from their environment.
        log: the file for everything that KFP and the steps say; its folder keeps the artifacts.
        on_step: called with the name of each step as it begins.
        on_note: called with each line that a step prints after `oo: `.

    Raises:
        PipelineFailed: a step ended without its result; names the step, its reason and the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sources = [str(Path(__file__).parents[1]), str(Path(oo.__file__).parents[1])]
    environment = (
        os.environ
        | variables(settings)
        | {"PYTHONPATH": os.pathsep.join([*sources, *filter(None, [os.environ.get("PYTHONPATH")])])}
    )
    with (
        log.open("w", encoding="utf-8") as written,
        subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", __name__, pipeline, arguments, str(log.parent)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
        ) as process,
    ):
        told = _Told(on_step, on_note)
        for line in process.stdout or ():
            written.write(line)
            told.hear(_COLOUR.sub("", line).rstrip())
    if process.returncode or told.output is None:
        raise PipelineFailed(f"step {told.step!r}: {told.reason}. Everything that it said is in {log}")
    return told.output


def variables(settings: Iterable[BaseSettings]) -> dict[str, str]:
    """Settings as the environment variables that they are read from."""
    told: dict[str, str] = {}
    for one in settings:
        for name, value in one.model_dump(mode="json", exclude_none=True).items():
            secret = getattr(one, name)
            if isinstance(secret, SecretStr):  # of which JSON has but stars
                value = secret.get_secret_value()  # noqa: PLW2901  # the same
            if isinstance(value, list):
                value = ",".join(value)  # noqa: PLW2901  # as the settings split it
            told[f"OO_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
    return told


class _Told:
    """What the lines of a run have told so far."""

    def __init__(self, on_step: Callable[[str], None], on_note: Callable[[str], None]) -> None:
        self._on_step = on_step
        self._on_note = on_note
        self.step = "start"
        self.reason = "it ended without a reason of ours"
        self.output: str | None = None

    def hear(self, line: str) -> None:
        if found := _STEP.search(line):
            self.step = found["name"]
            self._on_step(self.step)
        elif found := _REASON.match(line):
            self.reason = found["sentence"]
        elif found := _NOTE.match(line):
            self._on_note(found["note"])
        elif found := _RESULT.match(line):
            self.output = found["output"]


def main(arguments: Iterable[str]) -> None:
    """The process's own side."""
    from kfp import local  # type: ignore[import-untyped]  # noqa: PLC0415  # no types; the caller needs none of it

    pipeline, values, root = arguments
    module, function = pipeline.split(":")
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root)  # first: `on_cluster` asks for it
    task = getattr(importlib.import_module(module), function)(**json.loads(values))
    print(f"{_OUTPUT}{task.output}")  # noqa: T201  # to the process that started this one


if __name__ == "__main__":
    main(sys.argv[1:])
