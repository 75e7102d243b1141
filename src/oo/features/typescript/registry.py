"""The profile registry in a TypeScript file, in whichever of the usual ways it is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oo.errors import UnreadableRegistry
from oo.features.profile_check import DeclaredFeature
from oo.features.typescript import zod
from oo.features.typescript.constants import SPREAD, Chain, Constant, Constants, Unreadable, lookup
from oo.features.typescript.members import Member, Members
from oo.features.typescript.scope import Scope
from oo.features.typescript.source import Source

_DTYPE = ("dtype", "type", "dataType", "data_type", "kind")
_NAME = ("name", "key", "id")
_UNIT = ("unit", "units")
_NULLABLE = ("nullable", "optional", "required")
"""The first that is said decides: leaving a feature out is allowed anyway."""
_INSIDE = ("features", "profileFeatures", "profile_features")
_FUNCTIONS = {"arrow_function", "function_expression", "generator_function", "class", "regex"}
_LIKE_A_REGISTRY = {"profile", "feature", "features", "registry", "schema"}


@dataclass(frozen=True, slots=True)
class Registry:
    """What one declaration says."""

    name: str
    features: tuple[DeclaredFeature, ...]


def read(path: Path, export: str | None = None) -> Registry:
    """The profile features that a TypeScript file declares, without running it.

    Args:
        path: a `.ts`, `.mts`, `.cts` or `.tsx` file.
        export: the declaration to read; without it, the one that looks like the registry.

    Raises:
        UnreadableRegistry: the file has no such declaration, or several, or one that cannot be read from its text
            alone. It says where (`path:line:column`) and what to do.
    """
    try:
        return _Reader(Scope.of(Source(path))).read(export)
    except RecursionError:
        raise UnreadableRegistry(f"{path}: nested too deeply to be read; split the file") from None


class _Reader:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._constants = Constants(scope)
        self._looks = Constants(scope, believing=True)
        self._members = Members(scope)

    def read(self, export: str | None) -> Registry:
        name = self._declared(export) if export else self._found()
        if name in self._scope.values:
            features = self._features(self._constants.named(name))
        else:
            features = [_of_member(key, member) for key, member in self._members.named(name).items()]
        names = [feature.name for feature in features]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UnreadableRegistry(f"{self._scope.source.path}: {name} declares {', '.join(twice)} twice; keep one")
        return Registry(name, tuple(features))

    def _declared(self, export: str) -> str:
        for name in (*self._scope.values, *self._scope.types):
            if name == export or export in self._scope.exported.get(name, ()):
                return name
        known = ", ".join((*self._scope.values, *self._scope.types)) or "nothing"
        raise UnreadableRegistry(
            f"{self._scope.source.path}: no variable or type is called {export}; the file declares {known}"
        )

    def _found(self) -> str:
        path = self._scope.source.path
        # Two names of one declaration are one candidate.
        values = {self._looks.named(name).at.start_byte: name for name in self._scope.values if self._is_registry(name)}
        candidates = [*values.values()] or [name for name in self._scope.types if self._is_type(name)]
        if len(candidates) == 1:
            return candidates[0]
        if not candidates:
            raise UnreadableRegistry(
                f"{path}: no declaration looks like the profile registry; name it with --export, or check the file that"
                " declares it"
            )
        likely = [name for name in candidates if self._scope.exported.get(name) and self._is_named_like_it(name)]
        if len(likely) == 1:
            return likely[0]
        raise UnreadableRegistry(
            f"{path}: {', '.join(candidates)} each look like the profile registry; choose one with --export NAME"
        )

    def _is_named_like_it(self, name: str) -> bool:
        return any(set(_words(known)) <= _LIKE_A_REGISTRY for known in {name, *self._scope.exported.get(name, ())})

    def _is_registry(self, name: str) -> bool:
        constant = self._looks.named(name)
        if any(_is_feature(entry) for entry in _entries(constant)):
            return True
        # Named like it, a declaration is never passed over for being hard to read or empty.
        if not self._is_named_like_it(name) or constant.at.type in _FUNCTIONS:
            return False
        match constant.value:
            case Unreadable() | Chain():
                return True
            case list() | dict():
                entries = _entries(constant)
                return not entries or any(not isinstance(e.value, str | float | None) for e in entries)
        return False

    def _is_type(self, name: str) -> bool:
        if self._is_named_like_it(name):
            return True
        try:
            members = self._members.named(name)
        except UnreadableRegistry:
            return False
        return any(member.word in {"number", "string", "boolean"} for member in members.values())

    def _features(self, constant: Constant) -> list[DeclaredFeature]:
        value = constant.value
        match value:
            case Unreadable():
                raise self._unreadable(constant)
            case Chain() if (fields := _zod_object(value)) is not None:
                return self._features(fields)
            case dict() if (inside := _inside(value)) is not None:
                return self._features(inside)
            case dict():
                return [self._feature(key, entry) for key, entry in value.items()]
            case list():
                return [self._of_item(item) for item in value]
        raise self._scope.source.refusal(
            constant.at, "this is no list and no object of features; --export another name"
        )

    def _of_item(self, item: Constant) -> DeclaredFeature:
        match item.value:
            case Unreadable():
                raise self._unreadable(item)
            case [name, entry]:  # new Map([["tip_volume", {…}]])
                return self._feature(self._text(name, "name"), entry)
            case dict() as fields:
                said = self._field(fields, _NAME)
                if said is not None:
                    return self._feature(self._text(said, "name"), item)
        raise self._scope.source.refusal(item.at, "this entry has no name; write name: …")

    def _feature(self, name: str, entry: Constant) -> DeclaredFeature:
        match entry.value:
            case Unreadable():
                raise self._unreadable(entry)
            case Chain() as chain:
                member = zod.member(chain)
                if isinstance(member, str) or not member.word:
                    why = f"zod's {member}() may be anything" if isinstance(member, str) else "no type is said"
                    raise self._scope.source.refusal(entry.at, f"{name}: {why}; use a plain type")
                return _of_member(name, member)
            case dict() as fields:
                dtype = self._field(fields, _DTYPE)
                if dtype is None:
                    raise self._scope.source.refusal(entry.at, f"{name} says no dtype; write dtype: …")
                unit = self._field(fields, _UNIT)
                return DeclaredFeature(
                    name,
                    self._text(dtype, "dtype"),
                    self._nullable(fields),
                    None if unit is None or unit.value is None else self._text(unit, "unit"),
                )
        raise self._scope.source.refusal(entry.at, f"{name} is not described; write {{ dtype: …, nullable: … }}")

    def _nullable(self, fields: dict[str, Constant]) -> bool:
        said = self._field(fields, _NULLABLE)
        key = next((key for key in _NULLABLE if key in fields), "")
        return said is not None and self._truth(said, key) is not (key == "required")

    def _field(self, fields: dict[str, Constant], names: Sequence[str]) -> Constant | None:
        for name in names:
            if name in fields:
                return lookup(fields, name)
        if SPREAD in fields:
            raise self._unreadable(fields[SPREAD])
        return None

    def _text(self, constant: Constant, what: str) -> str:
        match constant.value:
            case Unreadable():
                raise self._unreadable(constant)
            case str() as text:
                return text
        raise self._scope.source.refusal(constant.at, f"the {what} must be a text")

    def _truth(self, constant: Constant, what: str) -> bool:
        match constant.value:
            case Unreadable():
                raise self._unreadable(constant)
            case bool() as truth:
                return truth
        raise self._scope.source.refusal(constant.at, f"{what} must be true or false")

    def _unreadable(self, constant: Constant) -> UnreadableRegistry:
        why = constant.value.why if isinstance(constant.value, Unreadable) else ""
        return self._scope.source.refusal(constant.at, why)


def _of_member(name: str, member: Member) -> DeclaredFeature:
    return DeclaredFeature(name, member.word or "null", member.null or member.optional, None)


def _entries(constant: Constant) -> list[Constant]:
    """What a registry would describe its features by."""
    match constant.value:
        case Chain() as chain:
            fields = _zod_object(chain)
            return _entries(fields) if fields else []
        case dict() as fields_:
            inside = _inside(fields_)
            return _entries(inside) if inside else list(fields_.values())
        case list() as items:
            return [_described(item) for item in items]
    return []


def _described(item: Constant) -> Constant:
    match item.value:
        case [_, entry]:  # new Map([["tip_volume", {…}]])
            return entry
    return item


def _is_feature(entry: Constant) -> bool:
    match entry.value:
        case dict() as fields:
            return any(isinstance(fields[name].value, (str, Unreadable)) for name in _DTYPE if name in fields)
        case Chain() as chain:
            return _zod_object(chain) is None
    return False


def _inside(fields: dict[str, Constant]) -> Constant | None:
    """The list in `{ version: 3, features: [...] }`."""
    for name in _INSIDE:
        if name in fields and any(_is_feature(entry) for entry in _entries(fields[name])):
            return fields[name]
    return None


def _zod_object(chain: Chain) -> Constant | None:
    first = chain.calls[0]
    if first.name not in {"object", "strictObject", "looseObject"} or not first.arguments:
        return None
    return first.arguments[0]


def _words(name: str) -> Iterator[str]:
    word = ""
    for before, letter in zip(f" {name}", name, strict=False):
        if letter in "_.$" or (letter.isupper() and before.islower()):
            yield from [word.lower()] if word else []
            word = ""
        word += letter if letter not in "_.$" else ""
    yield from [word.lower()] if word else []
