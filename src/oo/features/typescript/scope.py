"""The names that a TypeScript file declares at its top level, in namespaces and as static fields."""

from dataclasses import dataclass, field

from oo.features.typescript.source import Node, Source, parts

DEFAULT = "default"


@dataclass(slots=True)
class Scope:
    """What each name stands for."""

    source: Source
    values: dict[str, Node] = field(default_factory=dict)
    """The expression that a variable or a static field (`Class.field`) begins with."""
    enums: dict[str, Node] = field(default_factory=dict)
    types: dict[str, list[Node]] = field(default_factory=dict)
    """Interfaces, aliases and classes; an interface may be declared in several places."""
    functions: dict[str, Node] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    exported: dict[str, set[str]] = field(default_factory=dict)
    """The names that a declared name is exported under."""

    @classmethod
    def of(cls, source: Source) -> "Scope":
        """The names of a whole file."""
        scope = cls(source)
        scope._read_all(source.root)
        return scope

    def _read_all(self, block: Node | None) -> None:
        for statement in parts(block) if block else ():
            self._read(statement)

    def _read_variables(self, statement: Node, *, exported: bool) -> None:
        for declarator in parts(statement):
            name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
            if name and value and name.type == "identifier":
                self._declare(self.values, name, value, exported=exported)

    def _read(self, statement: Node, *, exported: bool = False) -> None:
        match statement.type:
            case "export_statement":
                self._read_export(statement)
            case "ambient_declaration" | "expression_statement":
                for inner in parts(statement):
                    if inner.type != "identifier":
                        self._read(inner, exported=exported)
            case "internal_module" | "module":
                self._read_all(statement.child_by_field_name("body"))
            case "lexical_declaration" | "variable_declaration":
                self._read_variables(statement, exported=exported)
            case "enum_declaration" | "function_declaration":
                among = self.enums if statement.type == "enum_declaration" else self.functions
                self._declare(among, statement.child_by_field_name("name"), statement, exported=exported)
            case (
                "interface_declaration" | "type_alias_declaration" | "class_declaration" | "abstract_class_declaration"
            ):
                self._read_type(statement, exported=exported)
            case "import_statement":
                self.imported |= {self.source.text(name) for name in _identifiers(statement)}

    def _declare(self, among: dict[str, Node], name: Node | None, node: Node, *, exported: bool) -> None:
        if name is not None:
            among[self.source.text(name)] = node
            self._export(self.source.text(name), exported=exported)

    def _export(self, name: str, *, exported: bool, as_: str | None = None) -> None:
        if exported:
            self.exported.setdefault(name, set()).add(as_ or name)

    def _read_type(self, statement: Node, *, exported: bool) -> None:
        node = statement.child_by_field_name("name")
        if node is None:
            return
        name = self.source.text(node)
        self.types.setdefault(name, []).append(statement)
        self._export(name, exported=exported)
        body = statement.child_by_field_name("body")
        for member in parts(body) if body else ():
            key, value = member.child_by_field_name("name"), member.child_by_field_name("value")
            if key and value and any(child.type == "static" for child in member.children):
                self.values[f"{name}.{self.source.text(key)}"] = value
                self._export(f"{name}.{self.source.text(key)}", exported=exported)

    def _read_export(self, statement: Node) -> None:
        if statement.child_by_field_name("source"):
            return
        default = any(child.type == DEFAULT for child in statement.children)
        declaration, value = statement.child_by_field_name("declaration"), statement.child_by_field_name("value")
        if declaration:
            self._read(declaration, exported=True)
            name = declaration.child_by_field_name("name")
            if default and name:
                self._export(self.source.text(name), exported=True, as_=DEFAULT)
        if value is None and any(child.type == "=" for child in statement.children):
            value = parts(statement)[-1]
        if value and value.type == "identifier":
            self._export(self.source.text(value), exported=True, as_=DEFAULT)
        elif value:
            self.values[DEFAULT] = value
            self._export(DEFAULT, exported=True)
        for clause in parts(statement):
            for specifier in parts(clause) if clause.type == "export_clause" else ():
                name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
                if name:
                    self._export(self.source.text(name), exported=True, as_=self.source.text(alias or name))


def _identifiers(node: Node) -> list[Node]:
    if node.type in {"identifier", "type_identifier"}:
        return [node]
    return [found for child in parts(node) for found in _identifiers(child)]
