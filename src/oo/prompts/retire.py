"""Taking a released prompt out of use. Its file stays: decisions were made with it."""

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from oo.errors import PromptInUse
from oo.prompts.library import RETIRED, PromptLibrary
from oo.prompts.prompt_file import Retirement

_HEADER = "# Released prompts that are used no more, and why: written by `oo prompt retire`. Their files stay.\n"


def retire(folder: Path, version: str, retirement: Retirement, in_use: Mapping[str, str]) -> None:
    """Write into the folder's retired.yaml that a version is used no more.

    Args:
        folder: the released prompts.
        version: which of them.
        retirement: since when, and why.
        in_use: what writes with a version, by version; such as the deployment's default.

    Raises:
        UnknownPromptVersion: it was never released.
        RetiredPromptVersion: it is retired already.
        PromptInUse: something writes with it, or no version would be left.
        InvalidPrompt: the folder is not what was released.
    """
    library = PromptLibrary.load(folder)
    library.get(version)
    if (user := in_use.get(version)) is not None:
        raise PromptInUse(f"prompt version {version!r} is {user}; choose another one there first")
    if library.versions == (version,):
        raise PromptInUse(f"prompt version {version!r} is the last one in use; release another one first")
    retired = {name: known.model_dump() for name, known in library.retired.items()} | {version: retirement.model_dump()}
    text = yaml.safe_dump(retired, allow_unicode=True, sort_keys=False, width=120)
    unfinished = folder / f".{RETIRED}.{os.getpid()}"
    unfinished.write_text(_HEADER + text, encoding="utf-8")
    unfinished.replace(folder / RETIRED)
