import numpy as np
import pytest
from onnx import TensorProto, helper

from oo.errors import InvalidModel
from oo.models.onnx_model import OnnxModel


def file(output: str = "probabilities") -> bytes:
    """A model whose probability of a reward is the second of two cells."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["rows"], [output])],
        "second_cell",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 2])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(made.SerializeToString())


def test_each_row_gets_the_probability_of_a_reward() -> None:
    scores = OnnxModel(file()).score(np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float32))
    assert scores.dtype == np.float64
    assert scores.tolist() == [0.25, 0.5]


def test_no_rows_give_no_scores() -> None:
    assert OnnxModel(file()).score(np.empty((0, 2), dtype=np.float32)).shape == (0,)


def test_a_model_knows_its_width() -> None:
    assert OnnxModel(file()).width == 2


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(InvalidModel, match="7 bytes are no ONNX model"):
        OnnxModel(b"nothing")


def test_a_model_of_another_shape_is_refused() -> None:
    with pytest.raises(InvalidModel, match="from rows to scores"):
        OnnxModel(file(output="scores"))
