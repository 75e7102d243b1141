"""A TypeScript file as a syntax tree. The one module that knows tree-sitter's parser."""

from collections import defaultdict
from functools import cached_property
from pathlib import Path

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from oo.errors import UnreadableRegistry

__all__ = ["Node", "Source", "parts"]

_GRAMMARS = {
    ".ts": tree_sitter_typescript.language_typescript,
    ".mts": tree_sitter_typescript.language_typescript,
    ".cts": tree_sitter_typescript.language_typescript,
    ".tsx": tree_sitter_typescript.language_tsx,
}
_BROKEN = (
    "the syntax breaks here; when `tsc --noEmit` accepts it, it is newer than the parser, and the registry must move to"
    " a file of its own"
)
_SCOPES = {
    "arrow_function",
    "catch_clause",
    "for_in_statement",
    "for_statement",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
    "statement_block",
}
_BINDINGS = {
    "variable_declarator": "name",
    "required_parameter": "pattern",
    "optional_parameter": "pattern",
    "arrow_function": "parameter",
    "catch_clause": "parameter",
}
_CHANGES = {"push", "unshift", "splice", "pop", "shift", "fill", "copyWithin", "set", "delete", "clear"}


def parts(node: Node) -> list[Node]:
    """The named children of a node, without the comments that may stand anywhere."""
    return [child for child in node.named_children if child.type != "comment"]


class Source:
    """One file, parsed whole.

    Raises:
        UnreadableRegistry: the file is not there, not TypeScript, or breaks its grammar; says where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            grammar = _GRAMMARS[path.suffix]
        except KeyError:
            raise UnreadableRegistry(
                f"{path}: not a TypeScript file; its name must end in {', '.join(_GRAMMARS)}"
            ) from None
        try:
            self._bytes = path.read_bytes()
            self._bytes.decode()
        except OSError as error:
            raise UnreadableRegistry(f"{path}: {error.strerror}; give the path of a TypeScript file") from error
        except UnicodeDecodeError as error:
            raise UnreadableRegistry(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
        self._language = Language(grammar())
        self.root = Parser(self._language).parse(self._bytes).root_node
        if self.root.has_error:
            raise self.refusal(_first_error(self.root), _BROKEN)

    def text(self, node: Node) -> str:
        """What the file says at a node."""
        return self._bytes[node.start_byte : node.end_byte].decode()

    def refusal(self, node: Node, why: str) -> UnreadableRegistry:
        """The error to raise about a node: `path:line:column: why`."""
        row, offset = node.start_point
        before = self._bytes[node.start_byte - offset : node.start_byte].decode()
        return UnreadableRegistry(f"{self.path}:{row + 1}:{len(before) + 1}: {why}")

    @cached_property
    def _uses(self) -> dict[str, list[Node]]:
        found = QueryCursor(Query(self._language, "(identifier) @name")).captures(self.root)
        uses: defaultdict[str, list[Node]] = defaultdict(list)
        for node in found.get("name", ()):
            uses[self.text(node)].append(node)
        return uses

    def change_of(self, name: str) -> Node | None:
        """Where the file changes the top-level variable `name` or what it holds, after it was declared."""
        uses = self._uses.get(name, [])
        inner = [scope for use in uses if _binds(use) and (scope := _scope(use))]
        for use in uses:
            shadowed = any(scope.start_byte <= use.start_byte < scope.end_byte for scope in inner)
            if not shadowed and self._changes(use):
                return use
        return None

    def _changes(self, use: Node) -> bool:
        whole, above = use, use.parent
        while above and above.child_by_field_name("object") == whole:
            whole, above = above, above.parent
        if above is None:
            return False
        match above.type:
            case "assignment_expression" | "augmented_assignment_expression":
                return above.child_by_field_name("left") == whole
            case "unary_expression":
                return self.text(above).startswith("delete")
            case "call_expression":
                method = whole.child_by_field_name("property")
                return method is not None and self.text(method) in _CHANGES
            case "arguments":
                function = above.parent.child_by_field_name("function") if above.parent else None
                first = parts(above)[0] == whole
                return (
                    first and function is not None and self.text(function) in {"Object.assign", "Object.defineProperty"}
                )
        return False


def _binds(use: Node) -> bool:
    above = use.parent
    return above is not None and above.type in _BINDINGS and above.child_by_field_name(_BINDINGS[above.type]) == use


def _scope(use: Node) -> Node | None:
    """The function or block that a binding is local to, None for one of the file or of a namespace."""
    node = use.parent
    while node is not None:
        above = node.parent
        if node.type in _SCOPES and not (above and above.type in {"internal_module", "module"}):
            return node
        node = above
    return None


def _first_error(root: Node) -> Node:
    node = root
    while not (node.is_error or node.is_missing):
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            break
        node = inner
    return node
