import numpy as np
import pytest

from oo.models.onnx_model import OnnxModel
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.registry import CHALLENGER, CHAMPION
from oo.training.prior import bootstrap, prior
from tests.training_data import SERVICE


@pytest.mark.parametrize("n", [1, 3])
def test_the_prior_holds_every_arm_for_equal(n: int) -> None:
    rows = np.full((n, SERVICE.width), np.nan, dtype=np.float32)
    assert OnnxModel(prior(SERVICE)).score(rows).tolist() == [0.5] * n


def test_bootstrap_makes_the_prior_the_first_champion() -> None:
    registry = MemoryRegistry()
    version = bootstrap(registry, SERVICE)
    assert version.version == 1
    assert version.feature_digest == SERVICE.digest
    assert registry.by_alias("digits", CHAMPION) == version
    assert registry.by_alias("digits", CHALLENGER) is None
    assert OnnxModel(registry.load(version)).width == SERVICE.width


def test_bootstrap_leaves_a_champion_where_it_is() -> None:
    registry = MemoryRegistry()
    assert bootstrap(registry, SERVICE) == bootstrap(registry, SERVICE)
    assert len(registry.versions("digits")) == 1
