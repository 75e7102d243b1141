"""Which models a decision trained."""

import io

import pyarrow.compute as pc  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same

from oo.errors import UnknownModel
from oo.registry.registry import ModelVersion, Registry
from oo.training.dataset import FITTED
from oo.training.registration import TRAINING_ROWS


def models_trained_on(registry: Registry, name: str, decision_id: str) -> list[ModelVersion]:
    """The versions of model `name` that were fitted on this decision, oldest first; a holdout row trains nothing.

    Raises:
        RegistryUnreachable: the registry did not answer.
    """
    return [version for version in registry.versions(name) if decision_id in _fitted_on(registry, version)]


def _fitted_on(registry: Registry, version: ModelVersion) -> set[str]:
    try:
        rows = pq.read_table(io.BytesIO(registry.read_file(version, TRAINING_ROWS)), columns=["decision_id", "part"])
    except UnknownModel:  # the prior was trained on nothing
        return set()
    return set(rows.filter(pc.field("part") == FITTED)["decision_id"].to_pylist())
