"""Every name in the contract is explained beside it: meaning, unit, absence, and whether it is personal data."""

import re
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto  # type: ignore[import-untyped]  # ships no types

from tests.contract.descriptors import PACKAGE, Contract, ours

# Numbers of the path to a location, from descriptor.proto: FileDescriptorProto.message_type and so on.
MESSAGE, ENUM, FIELD, ONEOF, VALUE = 4, 5, 2, 8, 2
ABSENCE = re.compile(r"Required\.|Absent [^.]+\.|[Ee]mpty [^.]+\.|\b0 (?:for|when) [^.]+\.")


def files() -> list[FileDescriptorProto]:
    return [file for file in ours().files.file if file.package == PACKAGE]


def comments() -> dict[str, str]:
    """What stands above each message, field, oneof, enum and value, by `Message.name`."""
    return {name: comment for file in files() for name, comment in _comments(file)}


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    above = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
    for number, message in enumerate(file.message_type):
        yield message.name, above.get((MESSAGE, number), "")
        for kind, named in ((FIELD, message.field), (ONEOF, own_oneofs(message))):
            for position, each in enumerate(named):
                yield f"{message.name}.{each.name}", above.get((MESSAGE, number, kind, position), "")
    for number, enum in enumerate(file.enum_type):
        yield enum.name, above.get((ENUM, number), "")
        for position, value in enumerate(enum.value):
            yield f"{enum.name}.{value.name}", above.get((ENUM, number, VALUE, position), "")


def own_oneofs(message: DescriptorProto) -> list[object]:
    """Without those that the compiler makes up for an `optional` scalar."""
    return [oneof for oneof in message.oneof_decl if not oneof.name.startswith("_")]


def fields() -> dict[str, FieldDescriptor]:
    return {
        f"{message.name}.{field.name}": field
        for file in files()
        for message in file.message_type
        for field in ours().fields(message.name)
    }


def is_in_the_event(field: FieldDescriptor) -> bool:
    return field.containing_oneof is not None and field.containing_oneof.name == "event"


COMMENTS = comments()
FIELDS = fields()


@pytest.mark.parametrize("name", COMMENTS)
def test_a_comment_starts_with_the_name_and_is_a_sentence(name: str) -> None:
    comment = COMMENTS[name]
    assert re.match(rf"{name.rpartition('.')[2]}\b[: ]", comment)
    assert comment.endswith(".")


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if not is_in_the_event(field)])
def test_a_comment_says_what_absence_means(name: str) -> None:
    assert ABSENCE.search(COMMENTS[name])


@pytest.mark.parametrize("name", FIELDS)
def test_a_comment_says_that_a_field_is_required_exactly_when_it_is(contract: Contract, name: str) -> None:
    assert ("Required." in COMMENTS[name]) == bool(contract.rules(FIELDS[name]).get("required"))


@pytest.mark.parametrize("name", FIELDS)
def test_personal_data_is_marked_for_people_and_for_programs(contract: Contract, name: str) -> None:
    marked = bool(re.search(r"[Pp]ersonal data|Health data", COMMENTS[name]))
    assert marked == contract.is_personal(FIELDS[name])


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_holds_bare_time(name: str) -> None:
    assert not re.search(r"_(?:ns|us|ms|s|sec|secs|seconds|millis|minutes|hours|days|ts|epoch)$", name)


def test_the_zero_of_an_enum_says_nothing() -> None:
    enums = {enum.name: enum.value[0] for file in files() for enum in file.enum_type}
    assert enums.keys() == {"ServingRole", "ReactionKind"}
    assert all(value.name.endswith("_UNSPECIFIED") and value.number == 0 for value in enums.values())
