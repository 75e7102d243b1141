"""A model as the bytes that the registry holds, and the scores that it gives."""

import os

import numpy as np
import numpy.typing as npt

from oo.errors import InvalidModel

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # onnxruntime reads it on import, and nothing later stops it

import onnxruntime as ort  # type: ignore[import-untyped]  # it ships no types

ROWS, PROBABILITIES = "rows", "probabilities"
_ERRORS_ONLY = 3


class OnnxModel:
    """An ONNX classifier, loaded once: encoded rows in, the probability of a reward out.

    One thread scores: a request's few rows are done before a second thread would have woken up.

    Args:
        data: the ONNX file. Input `rows`, float32 (n, width); output `probabilities`, float32 (n, 2).

    Raises:
        InvalidModel: the bytes are no ONNX model, or one of another shape.
    """

    def __init__(self, data: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each fault, without a common base
            raise InvalidModel(f"{len(data)} bytes are no ONNX model; export it again: {error}") from error
        inputs = {node.name: node.shape for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        if set(inputs) != {ROWS} or PROBABILITIES not in outputs:
            raise InvalidModel(
                f"an ONNX model from {', '.join(inputs)} to {', '.join(sorted(outputs))} does not go from {ROWS!r} "
                f"to {PROBABILITIES!r}; export it with oo.training.export"
            )
        self.width: int = inputs[ROWS][1]
        """The number of cells in a row."""

    def score(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The probability of a reward for each row.

        Args:
            rows: shape (n, width), as `FeatureService.encode` gives them; n may be 0.

        Returns:
            Shape (n,), 0 to 1.
        """
        if not len(rows):
            return np.empty(0)
        (probabilities,) = self._session.run([PROBABILITIES], {ROWS: rows})
        scores: npt.NDArray[np.float64] = probabilities[:, 1].astype(np.float64)
        return scores
