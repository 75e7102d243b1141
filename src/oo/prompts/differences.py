"""What differs between two versions of a prompt."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

from pydantic import JsonValue

from oo.prompts.library import Prompt


@dataclass(frozen=True, slots=True)
class Differences:
    """What became of one version in the other."""

    fields: tuple[tuple[str, JsonValue, JsonValue], ...]
    """Name, value before, value after; None where there is none."""
    texts: tuple[str, ...]
    """The lines of a unified diff of each text that changed."""


def differences(before: Prompt, after: Prompt) -> Differences:
    """The fields that differ, and the texts: what a model is told, and the template tips."""
    old, new = _fields(before), _fields(after)
    names = [*old, *(name for name in new if name not in old)]
    changed = tuple((name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))
    return Differences(changed, tuple(_diff(before, after)))


def _diff(before: Prompt, after: Prompt) -> Iterator[str]:
    old = _texts(before)
    for name, lines in _texts(after).items():
        yield from unified_diff(old[name], lines, f"{before.version} {name}", f"{after.version} {name}", lineterm="")


def _texts(prompt: Prompt) -> dict[str, list[str]]:
    tips = prompt.file.template.items()
    told = [f"{language} {name}: {text}" for language, tip in tips for name, text in tip.model_dump().items()]
    return {"system": prompt.file.system.splitlines(), "user": prompt.file.user.splitlines(), "template": told}


def _fields(prompt: Prompt) -> dict[str, JsonValue]:
    declared = prompt.file.model_dump(mode="json", exclude={"version", "system", "user", "template", "fixtures"})
    # By name, since their order means nothing.
    declared["fixtures"] = {one.name: one.model_dump(mode="json", exclude={"name"}) for one in prompt.file.fixtures}
    return dict(_flat(declared))


def _flat(values: Mapping[str, JsonValue], above: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
