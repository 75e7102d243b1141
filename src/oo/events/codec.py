"""The only way in from bytes: which reader understands which version of the contract."""

from collections.abc import Callable

from pydantic import BaseModel, Field, ValidationError

from oo.errors import InvalidEvent, UnknownSchemaVersion, faults
from oo.events.envelope import Envelope

# A version once published stays here for ever, since its bytes stay in the streams and the archive. While the contract
# moves, an older version's reader lifts what it read to the newest envelope (proto/README.md, "To break it").
READERS: dict[str, Callable[[bytes], Envelope]] = {"v1": Envelope.model_validate_json}


class _Versioned(BaseModel, populate_by_name=True):
    schema_version: str = Field(alias="schemaVersion")


def decode(data: bytes) -> Envelope:
    """The envelope in these bytes.

    Raises:
        UnknownSchemaVersion: it was written against a contract that this program does not know.
        InvalidEvent: it is not JSON or not an envelope of its version; says which fields.
    """
    try:
        reader = READERS.get(_Versioned.model_validate_json(data).schema_version)
        if reader is None:
            raise UnknownSchemaVersion(
                f"schemaVersion is none that this program reads ({', '.join(READERS)}); a newer release may read it"
            )
        return reader(data)
    except ValidationError as error:
        raise InvalidEvent(faults(error, "envelope")) from error
