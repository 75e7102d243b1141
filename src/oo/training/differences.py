"""What differs between two registered versions of a model."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from oo.errors import UnknownModel
from oo.registry.registry import ModelVersion, Registry
from oo.training.registration import MANIFEST

Difference = tuple[str, Any, Any]
"""A fact's name, and what it is of either version; None where it has none."""


def differences(registry: Registry, before: ModelVersion, after: ModelVersion) -> list[Difference]:
    """The facts that differ: of the versions, of the dataset and of the fit, by the names of their manifests.

    Raises:
        UnknownModel: the registry does not hold one of them.
        RegistryUnreachable: the registry did not answer.
    """
    old, new = _facts(registry, before), _facts(registry, after)
    names = [*old, *(name for name in new if name not in old)]
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _facts(registry: Registry, version: ModelVersion) -> dict[str, Any]:
    told = asdict(version)
    del told["name"], told["version"]
    try:
        manifest = json.loads(registry.read_file(version, MANIFEST))
    except UnknownModel:  # the prior was made of nothing
        manifest = {}
    made_of = dict(_flat(manifest))
    said = {name.rpartition(".")[2] for name in made_of}  # by the manifest: a tag of that name only says it again
    return told | {name: value for name, value in registry.tags(version).items() if name not in said} | made_of


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
