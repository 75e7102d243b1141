"""What one side writes the other reads, and both refuse the same: JSON, protobuf and the mirrors."""

import json
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]  # ships no types
from google.protobuf.message import Message  # type: ignore[import-untyped]  # ships no types
from hypothesis import HealthCheck, Phase, given, settings

from oo.errors import InvalidEvent
from oo.events.codec import decode
from oo.events.envelope import EVENT_TYPES, Envelope, EventType
from tests.contract import wire
from tests.contract.descriptors import Contract
from tests.envelopes import envelope

# The same examples each time; a failure is told as it was found, since shrinking a whole envelope takes minutes.
seeded = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def in_protobuf(contract: Contract, envelope: Envelope) -> Message:
    return contract.parse(envelope.to_json())


def deterministic(message: Message) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def canonical(written: bytes) -> str:
    """The same text for the same JSON: in a Struct, 7 and 7.0 are one double, and names have no order."""
    return json.dumps(json.loads(written, parse_int=float), sort_keys=True)


@pytest.mark.parametrize("defaults", ["left out", "spelled out"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_passes_through_protobuf_unchanged(contract: Contract, event_type: EventType, defaults: str) -> None:
    event = envelope(event_type)
    message = in_protobuf(contract, event)
    assert message.WhichOneof("event") == event_type
    written = json_format.MessageToJson(message, always_print_fields_with_no_presence=defaults == "spelled out")
    assert decode(written.encode()) == event


@seeded
@given(raw=wire.envelopes)
def test_any_message_passes_from_json_through_mirror_and_protobuf_and_back_unchanged(
    contract: Contract, raw: dict[str, Any]
) -> None:
    event = decode(json.dumps(raw).encode())
    written = event.to_json()
    again = decode(json_format.MessageToJson(contract.parse(written)).encode())
    assert again == event
    # Equality ends at the microsecond, and takes true for 1; what is written does not.
    assert canonical(again.to_json()) == canonical(written)


@seeded
@given(raw=wire.envelopes)
def test_mirror_and_protobuf_understand_the_same_message_in_the_same_json(
    contract: Contract, raw: dict[str, Any]
) -> None:
    body = json.dumps(raw).encode()
    directly = contract.parse(body)
    assert contract.violations(directly) == []
    assert deterministic(in_protobuf(contract, decode(body))) == deterministic(directly)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_what_one_side_refuses_the_other_refuses_too(contract: Contract, event_type: EventType) -> None:
    for what, raw in wire.oddities(json.loads(envelope(event_type).to_json())):
        body = json.dumps(raw).encode()
        mirrored, parsed = read_by_mirror(body), read_by_protobuf(contract, body)
        if mirrored is not None:
            assert parsed is not None, f"only the mirror takes {what}"
            assert deterministic(in_protobuf(contract, mirrored)) == deterministic(parsed), what
        elif parsed is not None:
            # A spelling that no writer of the mapping uses, such as a text in place of a message.
            written = json_format.MessageToJson(parsed).encode()
            read = read_by_mirror(written)
            assert read is not None, f"only the mirror refuses {what}"
            assert deterministic(in_protobuf(contract, read)) == deterministic(parsed), what


def read_by_mirror(body: bytes) -> Envelope | None:
    try:
        return decode(body)
    except InvalidEvent:
        return None


def read_by_protobuf(contract: Contract, body: bytes) -> Message | None:
    try:
        message = contract.parse(body)
    except json_format.ParseError:
        return None
    return message if not contract.violations(message) else None
