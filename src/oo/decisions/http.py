"""The bodies of both services share these: snake_case, closed to unknown fields."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

_LARGEST = 1e300

RequestId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def _plain(value: object) -> object:
    match value:
        case None | bool() | str():
            return value
        case int() | float() if abs(value) <= _LARGEST:  # which infinity is not, and NaN neither
            return value
    raise ValueError("a feature is a finite number, a boolean, a string or null")


# One check with one message; a union of the four types would report four faults for each wrong value.
FeatureValue = Annotated[Any, BeforeValidator(_plain, json_schema_input_type=float | bool | str | None)]
JsonFeatures = Annotated[dict[Name, FeatureValue], Field(max_length=1000)]


class HttpModel(BaseModel):
    """A request or response body."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NamedVersion(HttpModel):
    """A policy or a model, and which one of them."""

    name: str
    version: str


class AssignedExperiment(HttpModel):
    """The experiment that the person takes part in, and the side that they are on."""

    name: str
    variant: str
