"""The pydantic mirrors and the proto files say the same, field by field and value by value."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Lt
from google.protobuf import json_format, message_factory  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor_pool import DescriptorPool  # type: ignore[import-untyped]  # ships no types
from pydantic import AwareDatetime, BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from oo.events.envelope import EVENT_TYPES, Envelope, EventType, decode
from oo.events.feedback import TipReacted
from tests.envelopes import envelope

ROOT = Path(__file__).parents[2]
PACKAGE = "oo.events.v1"
Shape = dict[str, dict[str, object]]
"""What a message's fields are (`Message.field`), and which values an enum has (`Enum`)."""

PROTO_KINDS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}
MIRROR_KINDS: dict[object, str] = {
    str: "string",
    bool: "bool",
    float: "double",
    AwareDatetime: "Timestamp",
    timedelta: "Duration",
    dict: "Struct",
}


def build(root: Path, out: Path) -> FileDescriptorSet:
    """The descriptors of the proto files below `root`, as buf understands them."""
    image = out / "image.binpb"
    buf = Path(sys.executable).parent / "buf"
    subprocess.run([buf, "build", "-o", image], cwd=root, check=True, timeout=60)  # noqa: S603  # our own program
    return FileDescriptorSet.FromString(image.read_bytes())


def pool_of(files: FileDescriptorSet) -> DescriptorPool:
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def shape_of_protos(files: FileDescriptorSet) -> Shape:
    pool = pool_of(files)
    shape: Shape = {}
    for file in files.file:
        if file.package != PACKAGE:
            continue
        for enum in file.enum_type:
            shape[enum.name] = {"values": [value.name for value in enum.value]}
        for position, message in enumerate(file.message_type):
            required = required_fields(file, position)
            fields: Iterable[FieldDescriptor] = pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}").fields
            for field in fields:
                shape[f"{message.name}.{field.name}"] = {
                    "json name": field.json_name,
                    "kind": kind_in_proto(field),
                    "repeated": field.is_repeated,
                    "may be absent": field.has_presence and field.index not in required,
                    "required": field.index in required,
                    "oneof": oneof_in_proto(field),
                }
    return shape


def required_fields(file: FileDescriptorProto, message: int) -> set[int]:
    """The positions of the message's fields whose comment ends on `Required.`: proto3 has no other word for it."""
    return {
        location.path[3]
        for location in file.source_code_info.location
        if location.path[:3] == [4, message, 2] and location.leading_comments.rstrip().endswith("Required.")
    }


def kind_in_proto(field: FieldDescriptor) -> str:
    named = field.enum_type or field.message_type
    return str(named.name) if named is not None else PROTO_KINDS[field.type]


def oneof_in_proto(field: FieldDescriptor) -> str | None:
    """The field's oneof, other than the one that the compiler makes up for an `optional` scalar."""
    oneof = field.containing_oneof
    return None if oneof is None or oneof.name.startswith("_") else str(oneof.name)


def shape_of_mirrors(root: type[BaseModel]) -> Shape:
    shape: Shape = {}
    seen: set[type] = set()

    def add(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            kind, repeated, nullable = kind_in_mirror(field.annotation, field.metadata)
            shape[f"{model.__name__}.{name}"] = {
                "json name": field.alias,
                "kind": kind if isinstance(kind, str) else kind.__name__,
                "repeated": repeated,
                "may be absent": nullable,
                "required": field.is_required(),
                "oneof": "event" if issubclass(model, Envelope) and name in EVENT_TYPES else None,
            }
            if isinstance(kind, str) or kind in seen:
                continue
            seen.add(kind)
            if issubclass(kind, StrEnum):
                shape[kind.__name__] = {"values": [member.value for member in kind]}
            elif issubclass(kind, BaseModel):
                add(kind)

    add(root)
    return shape


def kind_in_mirror(annotation: Any, metadata: Iterable[object]) -> tuple[str | type, bool, bool]:  # noqa: ANN401  # a type expression
    """Kind (a model or enum as itself), whether it is repeated, whether it may be None."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_in_mirror(arguments[0], [*arguments[1:], *metadata])
    if origin in {Union, UnionType}:
        (inner,) = set(arguments) - {NoneType}
        return (*kind_in_mirror(inner, metadata)[:2], True)
    if origin is tuple:
        return kind_in_mirror(arguments[0], metadata)[0], True, False
    if origin is Literal:
        return kind_in_mirror(type(arguments[0]), metadata)
    if annotation is int:
        return f"uint{upper_bound(metadata).bit_length() - 1}", False, False
    return MIRROR_KINDS.get(origin or annotation, annotation), False, False


def upper_bound(metadata: Iterable[object]) -> int:
    (bound,) = (
        inner.lt
        for each in metadata
        for inner in (each.metadata if isinstance(each, FieldInfo) else [each])
        if isinstance(inner, Lt)
    )
    assert isinstance(bound, int)
    return bound


def differences(protos: Shape, mirrors: Shape) -> set[str]:
    """What the two sides do not agree on: `Message.field: what`."""
    only = {f"{name}: only in the {side}" for side, name in sided(protos, mirrors)}
    both = protos.keys() & mirrors.keys()
    return only | {
        f"{name}: {what}" for name in both for what, is_so in protos[name].items() if mirrors[name][what] != is_so
    }


def sided(protos: Shape, mirrors: Shape) -> Iterable[tuple[str, str]]:
    yield from (("protos", name) for name in protos.keys() - mirrors.keys())
    yield from (("mirrors", name) for name in mirrors.keys() - protos.keys())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    return build(ROOT, tmp_path_factory.mktemp("buf"))


def test_mirrors_and_protos_are_equal(files: FileDescriptorSet) -> None:
    protos = shape_of_protos(files)
    assert {"Envelope.score_decided", "ReactionKind", "RankedArm.probability"} <= protos.keys()
    assert differences(protos, shape_of_mirrors(Envelope)) == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "difference"),
    [
        ("feedback", "kind = 3;", "kind = 3; string why = 4;", "TipReacted.why: only in the protos"),
        ("feedback", "ReactionKind kind = 3;", "", "TipReacted.kind: only in the mirrors"),
        ("feedback", "REACTION_KIND_SAVED =", "REACTION_KIND_KEPT =", "ReactionKind: values"),
        (
            "feedback",
            "message TipReacted",
            "message New { bool it = 1; }\nmessage TipReacted",
            "New.it: only in the protos",
        ),
        ("signals", "string surface", "string surface_name", "SessionStarted.surface_name: only in the protos"),
        ("signals", "surface = 1;", 'surface = 1 [json_name = "where"];', "SessionStarted.surface: json name"),
        ("integration", "uint32 meetings", "uint64 meetings", "CalendarDaySummarized.meetings: kind"),
        ("decision", "optional double score", "double score", "RankedArm.score: may be absent"),
        ("decision", "repeated string degraded = 16", "string degraded = 16", "ScoreDecided.degraded: repeated"),
        ("decision", "double propensity", "string propensity", "ScoreDecided.propensity: kind"),
        ("decision", "google.protobuf.Struct context", "string context", "ScoreDecided.context: kind"),
        ("decision", "arm that was chosen. Required.", "arm that was chosen.", "ScoreDecided.tip_id: required"),
        ("envelope", "oneof event {", "oneof fact {", "Envelope.tip_exposed: oneof"),
    ],
)
def test_a_change_of_the_protos_alone_is_found(tmp_path: Path, file: str, old: str, new: str, difference: str) -> None:
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    path = tmp_path / "proto" / "oo" / "events" / "v1" / f"{file}.proto"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert difference in differences(shape_of_protos(build(tmp_path, tmp_path)), shape_of_mirrors(Envelope))


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"invented": (str, "")}, "TipReacted.invented: only in the mirrors"),
        ({"tip_id": (float, ...)}, "TipReacted.tip_id: kind"),
        ({"tip_id": (tuple[str, ...], ...)}, "TipReacted.tip_id: repeated"),
        ({"tip_id": (str, "")}, "TipReacted.tip_id: required"),
        ({"tip_id": (str | None, None)}, "TipReacted.tip_id: may be absent"),
        ({"tip_id": (str, Field(alias="tip"))}, "TipReacted.tip_id: json name"),
    ],
)
def test_a_change_of_a_mirror_alone_is_found(
    files: FileDescriptorSet, changed: dict[str, Any], difference: str
) -> None:
    reacted = create_model("TipReacted", __base__=TipReacted, **changed)
    root = create_model("Envelope", __base__=Envelope, tip_reacted=(reacted | None, None))
    assert difference in differences(shape_of_protos(files), shape_of_mirrors(root))


@pytest.mark.parametrize("defaults", ["left out", "spelled out"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_passes_through_protobuf_unchanged(
    files: FileDescriptorSet, event_type: EventType, defaults: str
) -> None:
    pool = pool_of(files)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.Envelope"))()
    event = envelope(event_type)
    json_format.Parse(event.to_json(), message, descriptor_pool=pool)
    assert message.WhichOneof("event") == event_type
    written = json_format.MessageToJson(message, always_print_fields_with_no_presence=defaults == "spelled out")
    assert decode(written.encode()) == event
