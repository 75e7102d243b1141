"""From a scikit-learn model to an ONNX file, and the proof that both say the same."""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from skl2onnx import convert_sklearn  # type: ignore[import-untyped]  # skl2onnx ships no types
from skl2onnx.common.data_types import FloatTensorType  # type: ignore[import-untyped]  # the same
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]  # scikit-learn ships no types

from oo.errors import TrainingRefused
from oo.features.services import FeatureService, NumberColumn
from oo.models.onnx_model import PROBABILITIES, ROWS, OnnxModel
from oo.training.onnx_file import OPSET, to_file

TOLERANCE = 1e-5
"""The largest difference of a probability; arms that are further apart than twice that keep their order."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the ONNX file is from the model that it was made of."""

    rows: int
    max_difference: float
    """The largest difference of a probability."""


def to_onnx(estimator: BaseEstimator, service: FeatureService) -> bytes:
    """The model as an ONNX file from `rows` to `probabilities`; an equal model gives equal bytes.

    Args:
        estimator: a fitted classifier of two classes.
        service: the columns that it was fitted on; named in the file's metadata.
    """
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
    del exported.graph.output[:]
    exported.graph.output.append(onnx.helper.make_tensor_value_info(PROBABILITIES, onnx.TensorProto.FLOAT, [None, 2]))
    return to_file(exported, service)


def verified(
    onnx_file: bytes, estimator: BaseEstimator, rows: npt.NDArray[np.float32], service: FeatureService
) -> Parity:
    """The parity of the file with the model, on real rows and on rows with numbers and categories missing.

    Raises:
        TrainingRefused: a probability differs by more than `TOLERANCE`: such a file must not be served.
    """
    tried = np.vstack([rows, *_with_gaps(rows, service)])
    expected = estimator.predict_proba(tried)[:, 1]
    difference = np.abs(OnnxModel(onnx_file).score(tried) - expected)
    differing = int((~(difference <= TOLERANCE)).sum())  # a NaN differs too
    if differing:
        raise TrainingRefused(
            f"the ONNX file differs from the model on {differing} of {len(tried)} rows, by up to "
            f"{difference.max():.2g}; look for a step that the export does not know"
        )
    return Parity(len(tried), float(difference.max()))


def _with_gaps(rows: npt.NDArray[np.float32], service: FeatureService) -> list[npt.NDArray[np.float32]]:
    numbers = np.concatenate([np.full(c.width, isinstance(c, NumberColumn)) for c in service.columns])
    no_numbers, no_categories, every_other = rows.copy(), rows.copy(), rows.copy()
    no_numbers[:, numbers] = np.nan
    no_categories[:, ~numbers] = 0
    every_other[::2, numbers] = np.nan
    every_other[1::2, np.flatnonzero(numbers)[::2]] = np.nan
    return [no_numbers, no_categories, every_other]
