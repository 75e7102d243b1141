"""How an ONNX graph becomes a file: with what it reads written in, and equal bytes for an equal graph."""

import onnx

from oo.features.services import FeatureService

OPSET = 18


def to_file(model: onnx.ModelProto, service: FeatureService) -> bytes:
    """The bytes of a model that reads this feature service's rows; named in the file's metadata.

    Raises:
        onnx.checker.ValidationError: it is not a valid model.
    """
    onnx.helper.set_model_props(model, {"feature_service": service.name, "feature_digest": service.digest})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
