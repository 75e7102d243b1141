"""The first champion of a model: it knows nothing and says so, so that serving needs no case for a cold start."""

from onnx import TensorProto, helper

from oo.features.services import FeatureService
from oo.models.onnx_model import PROBABILITIES, ROWS
from oo.registry.registry import CHAMPION, ModelVersion, Registry
from oo.training.onnx_file import OPSET, to_file


def prior(service: FeatureService) -> bytes:
    """An ONNX file that gives every row the probability 0.5: all arms tie, so that a greedy policy explores evenly.

    Written by hand, since skl2onnx converts no DummyClassifier.
    """
    half = helper.make_tensor("half", TensorProto.FLOAT, [1, 1], [0.5])
    first = helper.make_tensor("first", TensorProto.INT64, [1], [0])
    next_ = helper.make_tensor("next", TensorProto.INT64, [1], [1])
    pair = helper.make_tensor("pair", TensorProto.INT64, [1], [2])
    nodes = [
        helper.make_node("Shape", [ROWS], ["shape"]),
        helper.make_node("Slice", ["shape", "first", "next"], ["n"]),
        helper.make_node("Concat", ["n", "pair"], ["size"], axis=0),
        helper.make_node("Expand", ["half", "size"], [PROBABILITIES]),
    ]
    graph = helper.make_graph(
        nodes,
        service.model,
        [helper.make_tensor_value_info(ROWS, TensorProto.FLOAT, [None, service.width])],
        [helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, [None, 2])],
        [half, first, next_, pair],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return to_file(model, service)


def bootstrap(registry: Registry, service: FeatureService) -> ModelVersion:
    """The champion of this feature service's model; when there is none yet, the prior becomes it.

    Raises:
        RegistryUnreachable: the registry did not answer.
    """
    if (champion := registry.by_alias(service.model, CHAMPION)) is not None:
        return champion
    version = registry.register(
        service.model,
        prior(service),
        feature_service=service.name,
        feature_digest=service.digest,
        files={},
        tags={"recipe": "prior"},
    )
    registry.set_alias(service.model, CHAMPION, version.version)
    return version
