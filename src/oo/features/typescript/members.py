"""What an interface, a type or a class of a TypeScript file says of its members."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from oo.errors import UnreadableRegistry
from oo.features.typescript.scope import Scope
from oo.features.typescript.source import Node, parts

_NOTHING = {"null", "undefined"}
# A type that is a word by itself; None for its own text.
_WORDS = {
    "predefined_type": None,
    "type_identifier": None,
    "template_literal_type": "string",
    "array_type": None,
    "tuple_type": None,
    "object_type": None,
    "function_type": None,
}


@dataclass(frozen=True, slots=True)
class Member:
    """A named member: the word for its type, and whether it may be null or missing."""

    word: str
    null: bool = False
    optional: bool = False

    def __or__(self, other: "Member") -> "Member":
        words = [word for word in dict.fromkeys((*self.word.split(" | "), *other.word.split(" | "))) if word]
        return replace(self, word=" | ".join(words), null=self.null or other.null)


Bound = Mapping[str, Member]
"""The types that an alias' parameters stand for."""


@dataclass(frozen=True, slots=True)
class Members:
    """Reads the types of one file."""

    scope: Scope

    def named(self, name: str) -> dict[str, Member]:
        """The members of a declared type, those that it inherits first.

        Raises:
            UnreadableRegistry: the type is computed from others, or inherits from another file.
        """
        members: dict[str, Member] = {}
        for declaration in self.scope.types[name]:
            value = declaration.child_by_field_name("value")
            if value:  # type X = …
                return self.of(value)
            for clause in parts(declaration):
                for inherited in _inherited(clause):
                    members |= self.of(inherited)
            members |= self._body(declaration.child_by_field_name("body") or declaration)
        return members

    def of(self, node: Node) -> dict[str, Member]:
        """The members of a type expression."""
        match node.type:
            case "parenthesized_type" | "readonly_type":
                return self.of(parts(node)[0])
            case "object_type" | "interface_body" | "class_body":
                return self._body(node)
            case "intersection_type":
                return {name: member for part in parts(node) for name, member in self.of(part).items()}
            case "type_identifier" | "identifier":
                name = self.scope.source.text(node)
                if name in self.scope.types:
                    return self.named(name)
            case "generic_type":
                return self._wrapped(node)
        raise self._refusal(node)

    def _wrapped(self, node: Node) -> dict[str, Member]:
        name, arguments = self.scope.source.text(parts(node)[0]), parts(parts(node)[-1])
        if name not in {"Readonly", "Partial", "Required"}:
            raise self._refusal(node)
        members = self.of(arguments[0])
        if name == "Readonly":
            return members
        return {key: replace(member, optional=name == "Partial") for key, member in members.items()}

    def _body(self, body: Node) -> dict[str, Member]:
        members: dict[str, Member] = {}
        for part in parts(body):
            name = part.child_by_field_name("name")
            if part.type in {"decorator", "class_static_block"} or any(c.type == "static" for c in part.children):
                continue
            if name is None or part.type == "index_signature" or name.type == "computed_property_name":
                raise self._refusal(part)
            annotation = part.child_by_field_name("type")
            if part.type.startswith("method") or part.type.startswith("abstract_method"):
                if part.type == "method_definition":  # what a class does is no part of what it holds
                    continue
                member = Member("function")
            elif annotation is None:
                raise self._refusal(part, "this member says no type; give it one")
            else:
                member = self._type(parts(annotation)[0], {})
            optional = any(child.type == "?" for child in part.children)
            members[_unquoted(self.scope.source.text(name))] = replace(member, optional=optional)
        return members

    def _type(self, node: Node, bound: Bound) -> Member:
        text = self.scope.source.text(node)
        match node.type:
            case "literal_type":
                return _literal(parts(node)[0])
            case "parenthesized_type" | "readonly_type":
                return self._type(parts(node)[0], bound)
            case "union_type":
                return reduce(or_, (self._type(part, bound) for part in parts(node)))
            case "intersection_type":  # a brand: number & { readonly unit: "hour" }
                plain = [part for part in parts(node) if part.type != "object_type"]
                if len(plain) == 1:
                    return self._type(plain[0], bound)
            case "type_identifier" | "generic_type" if text not in bound and text != "bigint":
                return self._alias(node, bound)
        if node.type in _WORDS:
            return bound.get(text, Member(_WORDS[node.type] or text))
        raise self._refusal(node)

    def _alias(self, node: Node, bound: Bound) -> Member:
        whole = node.type == "type_identifier"
        name = self.scope.source.text(node if whole else parts(node)[0])
        given = [] if whole else [self._type(part, bound) for part in parts(parts(node)[-1])]
        if name in self.scope.enums:
            return Member(_enum_word(self.scope.enums[name]))
        for declaration in self.scope.types.get(name, ()):
            value, parameters = (declaration.child_by_field_name(f) for f in ("value", "type_parameters"))
            names = [self.scope.source.text(parts(p)[0]) for p in parts(parameters)] if parameters else []
            if value and len(names) == len(given):
                return self._type(value, dict(zip(names, given, strict=True)))
        raise self._refusal(node)

    def _refusal(self, node: Node, why: str = "") -> UnreadableRegistry:
        text = self.scope.source.text(node).split("\n")[0][:60]
        return self.scope.source.refusal(
            node, why or f"the type `{text}` is not written out in this file; name each member and its type here"
        )


def _inherited(clause: Node) -> list[Node]:
    if clause.type == "class_heritage":
        return [found for part in parts(clause) for found in _inherited(part)]
    return parts(clause) if clause.type in {"extends_type_clause", "extends_clause"} else []


def _literal(value: Node) -> Member:
    if value.type in _NOTHING:
        return Member("", null=True)
    return Member({"string": "string", "true": "boolean", "false": "boolean"}.get(value.type, "number"))


def _enum_word(enum: Node) -> str:
    body = enum.child_by_field_name("body")
    values = [member.child_by_field_name("value") for member in (parts(body) if body else ())]
    return "string" if values and all(value and value.type == "string" for value in values) else "number"


def _unquoted(name: str) -> str:
    return name[1:-1] if name[:1] in {'"', "'"} else name
