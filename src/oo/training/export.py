"""From a scikit-learn model to an ONNX file, and the proof that both say the same."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from skl2onnx import convert_sklearn  # type: ignore[import-untyped]  # skl2onnx ships no types
from skl2onnx.common.data_types import FloatTensorType  # type: ignore[import-untyped]  # the same
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # the same

from oo.errors import TrainingRefused
from oo.features.services import FeatureService, NumberColumn
from oo.models.onnx_model import PROBABILITIES, ROWS, OnnxModel
from oo.training.calibration import FLOORS, Calibrated, Sigmoid
from oo.training.model import Model
from oo.training.onnx_file import OPSET, to_file

TOLERANCE = 1e-5
"""The largest difference of a probability; arms that are further apart than twice that keep their order."""
PARITY_ROWS = 50_000
"""Of many rows, so many are compared, evenly spread over time; each of them with gaps too."""
_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the ONNX file is from the model that it was made of."""

    rows: int
    max_difference: float
    """The largest difference of a probability."""


def to_onnx(model: Model, service: FeatureService) -> bytes:
    """The model as an ONNX file from `rows` to `probabilities`; an equal model gives equal bytes.

    Args:
        model: a fitted classifier of two classes, calibrated or not.
        service: the columns that it was fitted on; named in the file's metadata.
    """
    estimator = model.estimator if isinstance(model, Calibrated) else model
    with warnings.catch_warnings():
        # skl2onnx writes booleans where ONNX has integers; protobuf takes them until 7.34, and is pinned below 7.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints: Expected an int", DeprecationWarning)
        exported = convert_sklearn(
            estimator,
            name=service.model,  # else a random one
            initial_types=[(ROWS, FloatTensorType([None, service.width]))],
            options={"zipmap": False},
            target_opset=OPSET,
        )
    if isinstance(estimator, HistGradientBoostingClassifier):
        _round_thresholds_down(exported, estimator)
    if isinstance(model, Calibrated):
        _append(exported, model.sigmoid)
    del exported.graph.output[:]
    exported.graph.output.append(onnx.helper.make_tensor_value_info(PROBABILITIES, onnx.TensorProto.FLOAT, [None, 2]))
    return to_file(exported, service)


def verified(onnx_file: bytes, model: Model, rows: npt.NDArray[np.float32], service: FeatureService) -> Parity:
    """The parity of the file with the model, on real rows and on rows with numbers and categories missing.

    Raises:
        TrainingRefused: a probability differs by more than `TOLERANCE`: such a file must not be served.
    """
    served, tried, differing, largest = OnnxModel(onnx_file), 0, 0, 0.0
    compared = np.linspace(0, len(rows) - 1, min(len(rows), PARITY_ROWS)).round().astype(np.intp)
    for start in range(0, len(compared), _AT_ONCE):
        for some in _with_gaps(rows[compared[start : start + _AT_ONCE]], service):
            difference = np.abs(served.score(some) - model.predict_proba(some)[:, 1])
            tried += len(some)
            differing += int((~(difference <= TOLERANCE)).sum())  # a NaN differs too
            largest = max(largest, float(difference.max()))
    if differing:
        raise TrainingRefused(
            f"the ONNX file differs from the model on {differing} of {tried} rows, by up to "
            f"{largest:.2g}; look for a step that the export does not know"
        )
    return Parity(tried, largest)


def _round_thresholds_down(exported: onnx.ModelProto, estimator: BaseEstimator) -> None:
    """Round to the next lower number of 32 bits, so that a row of 32 bits takes the branch that it takes in 64.

    skl2onnx rounds to the nearest one, which may be the very number that the threshold keeps out.
    """
    (trees,) = (node for node in exported.graph.node if node.op_type == "TreeEnsembleClassifier")
    (written,) = (attribute for attribute in trees.attribute if attribute.name == "nodes_values")
    nodes = np.concatenate([tree.nodes for (tree,) in estimator._predictors])  # noqa: SLF001  # nothing else has them
    exact = np.where(nodes["is_leaf"], 0.0, nodes["num_threshold"])
    nearest = exact.astype(np.float32)
    written.floats[:] = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest).tolist()


def _append(exported: onnx.ModelProto, sigmoid: Sigmoid) -> None:
    """Four nodes behind the probabilities, the same as `Sigmoid`: skl2onnx's own calibrator takes steps, not a line."""
    for node in exported.graph.node:
        node.output[:] = ["uncalibrated" if name == PROBABILITIES else name for name in node.output]
    slopes = np.array([[1, -1], [-1, 1]]) * sigmoid.slope
    constants = {"floors": np.array(FLOORS), "slopes": slopes, "intercepts": np.array([-1, 1]) * sigmoid.intercept}
    for name, value in constants.items():
        exported.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
    exported.graph.node.extend(
        [
            onnx.helper.make_node("Add", ["uncalibrated", "floors"], ["floored"]),
            onnx.helper.make_node("Log", ["floored"], ["logarithms"]),
            onnx.helper.make_node("Gemm", ["logarithms", "slopes", "intercepts"], ["log_odds"]),
            onnx.helper.make_node("Sigmoid", ["log_odds"], [PROBABILITIES]),
        ]
    )


def _with_gaps(rows: npt.NDArray[np.float32], service: FeatureService) -> Iterator[npt.NDArray[np.float32]]:
    numbers = np.concatenate([np.full(c.width, isinstance(c, NumberColumn)) for c in service.columns])
    no_numbers, no_categories, every_other = rows.copy(), rows.copy(), rows.copy()
    no_numbers[:, numbers] = np.nan
    no_categories[:, ~numbers] = 0
    every_other[::2, numbers] = np.nan
    every_other[1::2, np.flatnonzero(numbers)[::2]] = np.nan
    yield from (rows, no_numbers, no_categories, every_other)
