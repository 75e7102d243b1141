import numpy as np
import onnx
import pytest
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.errors import TrainingRefused
from oo.features.services import CategoryColumn, FeatureService, NumberColumn
from oo.models.onnx_model import OnnxModel
from oo.training.export import to_onnx, verified
from oo.training.model import RECIPES

SERVICE = FeatureService(
    name="tips@1",
    model="tips",
    columns=(
        NumberColumn(name="hour", source="context"),
        NumberColumn(name="minutes", source="candidate"),
        CategoryColumn(name="topic", source="candidate", values=("move", "rest")),
    ),
)
RNG = np.random.default_rng(2)
ROWS = np.hstack([RNG.normal(size=(200, 2)), np.eye(2)[RNG.integers(0, 2, 200)]]).astype(np.float32)
REWARDS = (ROWS[:, 0] + ROWS[:, 2] > 0.5).astype(float)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_file_says_what_the_model_says_with_gaps_too(recipe: str) -> None:
    model = RECIPES[recipe](4).fit(ROWS, REWARDS)
    parity = verified(to_onnx(model, SERVICE), model, ROWS, SERVICE)
    assert parity.rows == 800
    assert parity.max_difference <= 1e-5


def test_the_file_names_the_columns_that_it_reads() -> None:
    exported = onnx.load_model_from_string(to_onnx(RECIPES["boosting"](4).fit(ROWS, REWARDS), SERVICE))
    assert {entry.key: entry.value for entry in exported.metadata_props} == {
        "feature_service": "tips@1",
        "feature_digest": SERVICE.digest,
    }


def test_a_changed_weight_is_caught() -> None:
    model = RECIPES["forest"](4).fit(ROWS, REWARDS)
    tampered = onnx.load_model_from_string(to_onnx(model, SERVICE))
    (trees,) = (node for node in tampered.graph.node if node.op_type == "TreeEnsembleClassifier")
    (weights,) = (attribute for attribute in trees.attribute if attribute.name == "class_weights")
    weights.floats[:] = [weight * 0.99 for weight in weights.floats]
    with pytest.raises(TrainingRefused, match=r"differs from the model on [0-9]+ of 800 rows"):
        verified(tampered.SerializeToString(), model, ROWS, SERVICE)


def test_a_model_that_cannot_take_gaps_is_caught() -> None:
    honest, gapless = RECIPES["boosting"](4).fit(ROWS, REWARDS), LogisticRegression().fit(ROWS, REWARDS)
    with pytest.raises(TrainingRefused, match="differs from the model"):
        verified(to_onnx(gapless, SERVICE), honest, ROWS, SERVICE)


def test_the_exported_file_is_what_serving_loads() -> None:
    model = OnnxModel(to_onnx(RECIPES["boosting"](4).fit(ROWS, REWARDS), SERVICE))
    assert model.width == 4
    assert model.score(ROWS[:3]).shape == (3,)
