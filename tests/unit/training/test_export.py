import numpy as np
import onnx
import pytest
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.errors import TrainingRefused
from oo.features.services import CategoryColumn, FeatureService, NumberColumn
from oo.models.onnx_model import OnnxModel
from oo.training import export
from oo.training.calibration import Calibrated, Sigmoid
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


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("sigmoid", [Sigmoid(0.3, 1.0), Sigmoid(1.0, 0.5), Sigmoid(8.0, -3.0)])
def test_the_file_holds_the_calibration_too(recipe: str, sigmoid: Sigmoid) -> None:
    estimator = RECIPES[recipe](4).fit(ROWS, REWARDS)
    model = Calibrated(estimator, sigmoid)
    onnx_file = to_onnx(model, SERVICE)
    assert verified(onnx_file, model, ROWS, SERVICE).max_difference <= 1e-5
    nothing_known = np.full((1, 4), np.nan, dtype=np.float32)
    assert abs(OnnxModel(onnx_file).score(nothing_known)[0] - estimator.predict_proba(nothing_known)[0, 1]) > 1e-4


def test_a_calibration_that_the_file_does_not_hold_is_caught() -> None:
    estimator = RECIPES["forest"](4).fit(ROWS, REWARDS)
    with pytest.raises(TrainingRefused, match=r"differs from the model on [0-9]+ of 800 rows"):
        verified(to_onnx(estimator, SERVICE), Calibrated(estimator, Sigmoid(1.1, 0.0)), ROWS, SERVICE)


def test_numbers_next_to_a_threshold_take_the_same_branch_in_32_bits() -> None:
    rows = ROWS.copy()
    above = np.float32(1.0)  # what is half-way to its neighbour rounds to this one
    rows[:, 0] = np.where(REWARDS, above, np.nextafter(above, np.float32(0)))
    model = RECIPES["boosting"](4).fit(rows, REWARDS)
    assert np.ptp(model.predict_proba(rows)[:, 1]) > 0.9
    assert verified(to_onnx(model, SERVICE), model, rows, SERVICE).max_difference <= 1e-5


def test_of_many_rows_a_bounded_number_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PARITY_ROWS", 50)
    model = RECIPES["boosting"](4).fit(ROWS, REWARDS)
    assert verified(to_onnx(model, SERVICE), model, ROWS, SERVICE).rows == 200


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
