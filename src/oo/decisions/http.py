"""The bodies of both services share these: snake_case, closed to unknown fields."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from oo.features.profile_schema import PROFILE_SCHEMA, Dtype, ProfileFeature

LARGEST = 1e300
"""The largest size of a number in a feature."""

RequestId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
# As the identifiers of the bus, where the decision is recorded.
Name = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
PromptVersion = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
DecisionId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Probability = Annotated[float, Field(ge=0, le=1)]


def _plain(value: object) -> object:
    match value:
        case None | bool() | str():
            return value
        case int() | float() if abs(value) <= LARGEST:  # which infinity is not, and NaN neither
            return value
    raise ValueError("a feature is a finite number, a boolean, a string or null")


_Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
# One check with one message; a union of the four types would report four faults for each wrong value.
FeatureValue = Annotated[Any, BeforeValidator(_plain, json_schema_input_type=_Number | bool | str | None)]
FeatureName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
JsonFeatures = Annotated[dict[FeatureName, FeatureValue], Field(max_length=1000)]

# Documented here and admitted by `oo.features.profile_admission`, which also counts what it ignores.
_DTYPES: dict[Dtype, JsonDict] = {
    "float64": {"type": "number", "minimum": -LARGEST, "maximum": LARGEST},
    "int64": {"type": "integer", "format": "int64"},
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
}


def _documented(feature: ProfileFeature) -> JsonDict:
    value = _DTYPES[feature.dtype]
    shape: JsonDict = {"anyOf": [value, {"type": "null"}]} if feature.nullable else value
    return {"description": f"{feature.meaning} Unit: {feature.unit}.", **shape}


ProfileFeatures = Annotated[
    JsonFeatures,
    Field(json_schema_extra={"properties": {feature.name: _documented(feature) for feature in PROFILE_SCHEMA}}),
]


def _without_titles(schema: dict[str, Any]) -> None:
    # A property's title only repeats its name, and generators of types make a type of its own for each.
    for each in schema["properties"].values():
        each.pop("title", None)


class HttpModel(BaseModel):
    """A request or response body; the docstrings below its fields are the descriptions in the OpenAPI document."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra=_without_titles,
    )


class NamedVersion(HttpModel):
    """A policy or a model, and which one of them."""

    name: str
    version: str
    """Empty when the model has no versions, as a language model."""


class AssignedExperiment(HttpModel):
    """The experiment that the person takes part in, and the side that they are on."""

    name: str
    variant: str
