from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Message(BaseModel):
    """A protobuf message's mirror: camelCase on the wire, unknown fields ignored, NaN and infinity refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, allow_inf_nan=False
    )

    def to_json(self) -> bytes:
        """The message in the proto3 JSON mapping, absent fields left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


# Says something of a person: never in a log line or a traceback.
Personal = Field(repr=False)
