"""The contract as `buf build` understands it: what each field is, what it allows, and messages of its types."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import protovalidate
from google.protobuf import json_format, message_factory  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor import FieldDescriptor  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor_pb2 import FileDescriptorSet  # type: ignore[import-untyped]  # ships no types
from google.protobuf.descriptor_pool import DescriptorPool  # type: ignore[import-untyped]  # ships no types
from google.protobuf.message import Message  # type: ignore[import-untyped]  # ships no types

PACKAGE = "oo.events.v1"
ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).parent / "buf"

Shape = dict[str, dict[str, object]]
"""What a message's fields are (`Message.field`), and which values an enum has (`Enum`)."""

KINDS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


@dataclass(frozen=True, eq=False)
class Contract:
    """The proto files of one folder with a buf.yaml."""

    files: FileDescriptorSet
    package: str = PACKAGE

    @classmethod
    def build(cls, root: Path, out: Path, package: str = PACKAGE) -> "Contract":
        image = out / "image.binpb"
        subprocess.run([BUF, "build", "-o", image], cwd=root, check=True, timeout=60)  # noqa: S603  # our own program
        return cls(FileDescriptorSet.FromString(image.read_bytes()), package)

    @cached_property
    def pool(self) -> DescriptorPool:
        pool = DescriptorPool()
        for file in self.files.file:
            pool.Add(file)
        return pool

    @cached_property
    def _validator(self) -> protovalidate.Validator:
        return protovalidate.Validator()

    def fields(self, message: str) -> Iterable[FieldDescriptor]:
        fields: Iterable[FieldDescriptor] = self.pool.FindMessageTypeByName(f"{self.package}.{message}").fields
        return fields

    def parse(self, data: bytes) -> Message:
        """The envelope that protobuf reads in this JSON, unknown fields ignored.

        Raises:
            json_format.ParseError: it is none.
        """
        made = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(f"{self.package}.Envelope"))()
        return json_format.Parse(data, made, ignore_unknown_fields=True, descriptor_pool=self.pool)

    def violations(self, message: Message) -> list[str]:
        """What protovalidate finds against the constraints of the proto files."""
        return [violation.proto.message for violation in self._validator.collect_violations(message)]

    def rules(self, field: FieldDescriptor) -> Mapping[str, Any]:
        """The constraints that stand beside a field, flat: `{"required": True, "max_len": 256}`."""
        return _flat(self._options(field).Extensions[self.pool.FindExtensionByName("buf.validate.field")])

    def entry_rules(self, field: FieldDescriptor) -> Mapping[str, Any]:
        """The constraints on each entry of a repeated field, flat."""
        items = self.rules(field).get("items")
        return {} if items is None else _flat(items)

    def is_personal(self, field: FieldDescriptor) -> bool:
        return bool(self._options(field).debug_redact)

    def _options(self, field: FieldDescriptor) -> Message:
        # Read with this pool's own class, which knows the extensions.
        options = message_factory.GetMessageClass(self.pool.FindMessageTypeByName("google.protobuf.FieldOptions"))
        return options.FromString(field.GetOptions().SerializeToString())

    def shape(self) -> Shape:
        shape: Shape = {}
        for file in self.files.file:
            if file.package != self.package:
                continue
            for enum in file.enum_type:
                shape[enum.name] = {"values": [value.name for value in enum.value]}
            for message in file.message_type:
                for field in self.fields(message.name):
                    shape[f"{message.name}.{field.name}"] = self._field_shape(field)
        return shape

    def _field_shape(self, field: FieldDescriptor) -> dict[str, object]:
        rules, entry_rules = self.rules(field), self.entry_rules(field)
        required = bool(rules.get("required"))
        kind = kind_of(field)
        return {
            "json name": field.json_name,
            "kind": kind,
            "repeated": field.is_repeated,
            "may be absent": field.has_presence and not required,
            "required": required,
            "oneof": oneof_of(field),
            "personal": self.is_personal(field),
            "shortest": rules.get("min_len", rules.get("min_items", int(required and is_counted(field)))),
            "longest": rules.get("max_len", rules.get("max_items")),
            "pattern": rules.get("pattern"),
            "shortest entry": entry_rules.get("min_len"),
            "longest entry": entry_rules.get("max_len"),
            "pattern of entries": entry_rules.get("pattern"),
            "const": rules.get("const"),
            "at least": bound(rules, "gte"),
            "above": bound(rules, "gt"),
            "at most": bound(rules, "lte"),
            "specified": required and field.enum_type is not None and bool(rules.get("defined_only")),
            "finite": kind == "double" and (bool(rules.get("finite")) or is_bounded(rules)),
        }


def _flat(rules: Message) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for rule, value in rules.ListFields():
        if rule.message_type is None:
            found[rule.name] = value
        else:
            found |= {inner.name: held for inner, held in value.ListFields()}
    return found


def kind_of(field: FieldDescriptor) -> str:
    named = field.enum_type or field.message_type
    return str(named.name) if named is not None else KINDS[field.type]


def oneof_of(field: FieldDescriptor) -> str | None:
    """The field's oneof, other than the one that the compiler makes up for an `optional` scalar."""
    oneof = field.containing_oneof
    return None if oneof is None or oneof.name.startswith("_") else str(oneof.name)


def is_counted(field: FieldDescriptor) -> bool:
    """Whether required means that there is at least one of it: a letter, an element."""
    return bool(field.is_repeated or field.type == FieldDescriptor.TYPE_STRING)


def is_bounded(rules: Mapping[str, Any]) -> bool:
    return "lte" in rules and not rules.keys().isdisjoint({"gt", "gte"})


def bound(rules: Mapping[str, Any], name: str) -> float | None:
    """A bound as a number: seconds for a duration."""
    value = rules.get(name)
    return value.seconds + value.nanos / 1e9 if isinstance(value, Message) else value


@cache
def ours() -> Contract:
    """The proto files of this project."""
    with TemporaryDirectory() as out:
        return Contract.build(ROOT, Path(out))
