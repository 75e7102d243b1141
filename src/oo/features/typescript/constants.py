"""What an expression of a TypeScript file is known to be without running it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from oo.features.typescript.scope import Scope
from oo.features.typescript.source import Node, parts

SPREAD = "..."
"""The key of what an object takes from out of sight: any key that stands before it may have another value now."""

_AS_IT_IS = {"as_expression", "satisfies_expression", "non_null_expression", "parenthesized_expression"}
_HANDING_BACK = {"Object.freeze", "Object.seal", "Object.entries", "Object.fromEntries", "Map"}
_WORDS = {"Number": "number", "String": "string", "Boolean": "boolean"}
_PLAIN = {"true": True, "false": False, "null": None, "undefined": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is only known when the program runs."""

    why: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a chain such as `z.number().nullable()`."""

    name: str
    arguments: "list[Constant]"


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls on zod's `z`, in order."""

    calls: tuple[Call, ...]


Value: TypeAlias = "str | float | bool | list[Constant] | dict[str, Constant] | Chain | Unreadable | None"


@dataclass(frozen=True, slots=True)
class Constant:
    """A value, and where it is written."""

    at: Node
    value: Value


@dataclass(slots=True)
class Constants:
    """Reads expressions of one file. Nothing is guessed: what is not known is `Unreadable`, in its place."""

    scope: Scope
    believing: bool = False
    """Whether to pass over changes after a declaration, as is enough to see what something looks like."""
    _known: dict[str, Constant] = field(default_factory=dict)

    def of(self, node: Node) -> Constant:
        """The constant at an expression."""
        read = self._READERS.get(node.type)
        if read is None:
            return self._unreadable(node, f"this {node.type.replace('_', ' ')} is worked out when the program runs")
        return read(self, node)

    def named(self, name: str) -> Constant:
        """The constant that a declared name stands for."""
        if name not in self._known:
            node = self.scope.values[name]
            self._known[name] = self._unreadable(node, f"{name} is made from itself")
            change = None if self.believing else self.scope.source.change_of(name)
            self._known[name] = (
                self._unreadable(change, f"{name} is changed here, after its declaration") if change else self.of(node)
            )
        return self._known[name]

    @staticmethod
    def _unreadable(node: Node, why: str) -> Constant:
        return Constant(node, Unreadable(f"{why}; write the values themselves, where the registry is declared"))

    def _named(self, node: Node) -> Constant:
        name = self.scope.source.text(node)
        if name in self.scope.values:
            return self.named(name)
        if name in self.scope.enums:
            return self._enum(self.scope.enums[name])
        if name in _WORDS:
            return Constant(node, _WORDS[name])
        where = "imported from another file" if name in self.scope.imported else "not a constant of this file"
        return self._unreadable(node, f"{name} is {where}")

    def _enum(self, node: Node) -> Constant:
        # A member without a text of its own is a number when the program runs; its name says what is meant.
        members: dict[str, Constant] = {}
        body = node.child_by_field_name("body")
        for member in parts(body) if body else ():
            name = self._key(member.child_by_field_name("name") or member)
            assigned = member.child_by_field_name("value")
            value = self.of(assigned) if assigned else None
            if isinstance(name.value, str):
                members[name.value] = value if value and isinstance(value.value, str) else name
        return Constant(node, members)

    def _text(self, node: Node) -> Constant:
        text = ""
        for part in parts(node):
            match part.type:
                case "string_fragment":
                    text += self.scope.source.text(part)
                case "escape_sequence":
                    text += _unescaped(self.scope.source.text(part))
                case _:
                    inner = self.of(parts(part)[0])
                    if not isinstance(inner.value, str):
                        return inner if isinstance(inner.value, Unreadable) else self._unreadable(part, "not a text")
                    text += inner.value
        # Half a character an escape: \ud83d\ude00.
        return Constant(node, text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _sum(self, node: Node) -> Constant:
        left, right = (self.of(node.child_by_field_name(side) or node) for side in ("left", "right"))
        added = any(child.type == "+" for child in node.children)
        if added and isinstance(left.value, str) and isinstance(right.value, str):
            return Constant(node, left.value + right.value)
        return self._unreadable(node, "this is worked out when the program runs")

    def _key(self, node: Node) -> Constant:
        match node.type:
            case "computed_property_name":
                return self.of(parts(node)[0])
            case "string":
                return self._text(node)
            case _:
                return Constant(node, self.scope.source.text(node))

    def _object(self, node: Node) -> Constant:
        values: dict[str, Constant] = {}
        for part in parts(node):
            match part.type:
                case "pair":
                    key = self._key(part.child_by_field_name("key") or part)
                    value = self.of(part.child_by_field_name("value") or part)
                case "shorthand_property_identifier":
                    key, value = Constant(part, self.scope.source.text(part)), self.of(part)
                case "spread_element":
                    inner = self.of(parts(part)[0])
                    if isinstance(inner.value, dict):
                        for name, taken in inner.value.items():
                            _put(values, name, taken)
                        continue
                    key, value = Constant(part, None), inner
                case _:
                    key = self._key(part.child_by_field_name("name") or part)
                    value = self._unreadable(part, f"this {part.type.replace('_', ' ')} runs when the program does")
            if isinstance(key.value, str):
                _put(values, key.value, value)
            else:
                fault = value if part.type == "spread_element" else key
                known = isinstance(fault.value, Unreadable)
                _put(values, SPREAD, fault if known else self._unreadable(part, "the names here cannot be told"))
        return Constant(node, values)

    def _array(self, node: Node) -> Constant:
        values: list[Constant] = []
        for part in parts(node):
            inner = self.of(parts(part)[0]) if part.type == "spread_element" else self.of(part)
            if part.type == "spread_element" and isinstance(inner.value, list):
                values += inner.value
            elif part.type == "spread_element" and not isinstance(inner.value, Unreadable):
                values.append(self._unreadable(part, "this is no list"))
            else:
                values.append(inner)
        return Constant(node, values)

    def _member(self, node: Node) -> Constant:
        whole = self.scope.source.text(node)
        if whole in self.scope.values:
            return self.named(whole)
        key = node.child_by_field_name("property")
        index = node.child_by_field_name("index")
        name: Value = self.scope.source.text(key) if key else self.of(index or node).value
        of = self.of(node.child_by_field_name("object") or node)
        if isinstance(of.value, Unreadable):
            return of
        if isinstance(of.value, dict) and isinstance(name, str):
            found = lookup(of.value, name)
            if found is not None:
                return found
        return self._unreadable(node, f"{whole} is not a constant of this file")

    def _call(self, node: Node) -> Constant:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor") or node
        given = node.child_by_field_name("arguments")
        arguments = parts(given) if given else []
        called = self.scope.source.text(function)
        if (chain := self._chain(function, arguments)) is not None:
            return Constant(node, chain)
        if len(arguments) == 1 and (called in _HANDING_BACK or (called.isidentifier() and self._hands_back(called))):
            inner = self.of(arguments[0])
            if isinstance(inner.value, (dict, list, Chain, Unreadable)):
                return inner
        return self._unreadable(node, f"what {called}(…) gives is known when the program runs")

    def _chain(self, function: Node, arguments: list[Node]) -> Chain | None:
        before, method = function.child_by_field_name("object"), function.child_by_field_name("property")
        if before is None or method is None:
            return None
        calls: tuple[Call, ...] = ()
        if before.type == "call_expression":
            inner = self._call(before).value
            if not isinstance(inner, Chain):
                return None
            calls = inner.calls
        elif self.scope.source.text(before) in self.scope.values:
            inner = self.of(before).value
            if not isinstance(inner, Chain):
                return None
            calls = inner.calls
        elif self.scope.source.text(before) not in {"z", "zod", "z.coerce"}:
            return None
        return Chain((*calls, Call(self.scope.source.text(method), [self.of(argument) for argument in arguments])))

    def _hands_back(self, name: str) -> bool:
        """Whether a function returns what it is given, as `defineRegistry` does; one out of sight is taken to."""
        function = self.scope.functions.get(name) or self.scope.values.get(name)
        if function is None:
            return True
        given = function.child_by_field_name("parameters") or function.child_by_field_name("parameter")
        body = function.child_by_field_name("body")
        if given is None or body is None:
            return False
        first = parts(given)[0] if given.type == "formal_parameters" and parts(given) else given
        parameter = self.scope.source.text(first.child_by_field_name("pattern") or first)
        returned = _returns(body) if body.type == "statement_block" else [body]
        return bool(returned) and all(self._is(node, parameter) for node in returned)

    def _is(self, node: Node, name: str) -> bool:
        if node.type in _AS_IT_IS:
            return self._is(parts(node)[0], name)
        function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function and given and self.scope.source.text(function) in {"Object.freeze", "Object.seal"}:
            return self._is(parts(given)[0], name)
        return self.scope.source.text(node) == name

    def _inner(self, node: Node) -> Constant:
        return self.of(parts(node)[0])

    def _asserted(self, node: Node) -> Constant:
        return self.of(parts(node)[-1])

    def _plain(self, node: Node) -> Constant:
        text = self.scope.source.text(node)
        return Constant(node, _PLAIN[text] if text in _PLAIN else _number(text))

    _READERS: ClassVar[dict[str, Callable[["Constants", Node], Constant]]] = {
        **dict.fromkeys(_AS_IT_IS, _inner),
        **dict.fromkeys(("true", "false", "null", "undefined", "number"), _plain),
        **dict.fromkeys(("identifier", "shorthand_property_identifier"), _named),
        **dict.fromkeys(("member_expression", "subscript_expression"), _member),
        **dict.fromkeys(("call_expression", "new_expression"), _call),
        **dict.fromkeys(("string", "template_string"), _text),
        "type_assertion": _asserted,
        "object": _object,
        "array": _array,
        "binary_expression": _sum,
    }


def _put(fields: dict[str, Constant], key: str, value: Constant) -> None:
    fields.pop(key, None)  # so that the order tells what stands after a spread
    fields[key] = value


def lookup(fields: dict[str, Constant], name: str) -> Constant | None:
    """The value of a key; what an object takes from out of sight when that may hold the key; None for neither."""
    for key in reversed(fields):
        if key in {name, SPREAD}:
            return fields[key]
    return None


def _returns(node: Node) -> list[Node]:
    if node.type == "return_statement":
        return parts(node) or [node]
    return [found for child in parts(node) if "function" not in child.type for found in _returns(child)]


def _number(text: str) -> float:
    try:
        return float(int(text.rstrip("n"), 0))
    except ValueError:
        return float(text)


def _unescaped(sequence: str) -> str:
    body = sequence[1:]
    if body[0] in "ux":
        return chr(int(body[1:].strip("{}"), 16))
    return "" if body[0] in "\r\n\u2028\u2029" else _ESCAPES.get(body, body)
