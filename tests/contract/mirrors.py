"""The pydantic mirrors in the same words as the descriptors."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from oo.events.envelope import EVENT_TYPES, Envelope
from oo.events.json_types import Specified
from tests.contract.descriptors import Shape

KINDS: dict[object, str] = {
    str: "string",
    bool: "bool",
    float: "double",
    datetime: "Timestamp",
    timedelta: "Duration",
    dict: "Struct",
}


def shape_of(root: type[BaseModel]) -> Shape:
    """What each field of this mirror and of those below it is, `Message.field`."""
    shape: Shape = {}
    seen: set[type] = set()

    def add(model: type[BaseModel]) -> None:
        for name, field in model.model_fields.items():
            kind, told = _field_shape(model, name, field)
            shape[f"{model.__name__}.{name}"] = told
            if isinstance(kind, str) or kind in seen:
                continue
            seen.add(kind)
            if issubclass(kind, StrEnum):
                shape[kind.__name__] = {"values": [member.value for member in kind]}
            elif issubclass(kind, BaseModel):
                add(kind)

    add(root)
    return shape


def _field_shape(model: type[BaseModel], name: str, field: FieldInfo) -> tuple[str | type, dict[str, object]]:
    metadata: list[object] = []
    of_entries: list[object] = []
    kind, repeated, nullable = _kind(field.annotation, [*field.metadata], metadata, of_entries)
    return kind, {
        "json name": field.alias,
        "kind": kind if isinstance(kind, str) else kind.__name__,
        "repeated": repeated,
        "may be absent": nullable,
        "required": field.is_required(),
        "oneof": "event" if issubclass(model, Envelope) and name in EVENT_TYPES else None,
        "personal": not field.repr,
        "shortest": _shortest(metadata) or _const_length(field),
        "longest": _longest(metadata),
        "pattern": _pattern(metadata),
        "shortest entry": _shortest(of_entries),
        "longest entry": _longest(of_entries),
        "pattern of entries": _pattern(of_entries),
        "const": _const(field),
        "at least": None if kind in WHOLE else _one(_number(each.ge) for each in metadata if isinstance(each, Ge)),
        "above": _one(_number(each.gt) for each in metadata if isinstance(each, Gt)),
        "at most": _one(_number(each.le) for each in metadata if isinstance(each, Le)),
        "specified": Specified in metadata,
        "finite": kind == "double" and model.model_config.get("allow_inf_nan") is False,
    }


WHOLE = {"uint32", "uint64"}


def _kind(  # a type expression
    annotation: Any,  # noqa: ANN401
    metadata: list[object],
    found: list[object],
    of_entries: list[object],
) -> tuple[str | type, bool, bool]:
    """Kind (a model or enum as itself), whether it is repeated, whether it may be None.

    Its metadata go to `found`, those of the entries of a repeated one to `of_entries`.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0], [*arguments[1:], *metadata], found, of_entries)
    if origin in {Union, UnionType}:
        (inner,) = set(arguments) - {NoneType}
        return (*_kind(inner, metadata, found, of_entries)[:2], True)
    found += [inner for each in metadata for inner in (each.metadata if isinstance(each, FieldInfo) else [each])]
    if origin is tuple:
        return _kind(arguments[0], [], of_entries, [])[0], True, False
    if origin is Literal:
        return KINDS[type(arguments[0])], False, False
    if annotation is int:
        (below,) = (each.lt for each in found if isinstance(each, Lt))
        return f"uint{int(str(below)).bit_length() - 1}", False, False
    return KINDS.get(origin or annotation, annotation), False, False


def _shortest(metadata: Iterable[object]) -> object:
    return _one(each.min_length for each in metadata if isinstance(each, MinLen))


def _longest(metadata: Iterable[object]) -> object:
    return _one(each.max_length for each in metadata if isinstance(each, MaxLen))


def _pattern(metadata: Iterable[object]) -> object:
    return _one(found for each in metadata if (found := getattr(each, "pattern", None)))


def _one(values: Iterable[Any]) -> Any:  # noqa: ANN401  # of any constraint
    """The one value, or None."""
    found = list(values)
    assert len(found) <= 1, found
    return found[0] if found else None


def _number(value: Any) -> float:  # noqa: ANN401  # what annotated_types says
    return value.total_seconds() if isinstance(value, timedelta) else value


def _const(field: FieldInfo) -> object:
    return get_args(field.annotation)[0] if get_origin(field.annotation) is Literal else None


def _const_length(field: FieldInfo) -> int:
    return int(_const(field) is not None)


def differences(protos: Shape, mirrors: Shape) -> set[str]:
    """What the two sides do not agree on: `Message.field: what`."""
    only = {f"{name}: only in the {side}" for side, name in _sided(protos, mirrors)}
    both = protos.keys() & mirrors.keys()
    return only | {
        f"{name}: {what}" for name in both for what, is_so in protos[name].items() if mirrors[name][what] != is_so
    }


def _sided(protos: Shape, mirrors: Shape) -> Iterable[tuple[str, str]]:
    yield from (("protos", name) for name in protos.keys() - mirrors.keys())
    yield from (("mirrors", name) for name in mirrors.keys() - protos.keys())
