"""How a registry of profile features differs from the product's schema."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oo.features.profile_schema import PROFILE_SCHEMA, Dtype, ProfileFeature, nullness

_WORDS: dict[str, tuple[Dtype, ...]] = {
    "number": ("float64", "int64"),  # TypeScript has one word for both
    "float64": ("float64",),
    "float": ("float64",),
    "double": ("float64",),
    "int64": ("int64",),
    "int": ("int64",),
    "integer": ("int64",),
    "bigint": ("int64",),
    "string": ("string",),
    "text": ("string",),
    "category": ("string",),
    "bool": ("bool",),
    "boolean": ("bool",),
}


@dataclass(frozen=True, slots=True)
class DeclaredFeature:
    """A profile feature as another registry has it."""

    name: str
    dtype: str
    """In the registry's own word; case does not matter."""
    nullable: bool
    unit: str | None
    """None where the registry says none."""


def differences(
    declared: Sequence[DeclaredFeature], schema: Sequence[ProfileFeature] = PROFILE_SCHEMA
) -> tuple[str, ...]:
    """A line for each difference: missing, extra, retyped, re-nulled, then units, each in the order of declaration.

    A registry that says no units at all is not asked for them; one that says some must say all.
    """
    there = {feature.name: feature for feature in declared}
    here = {feature.name: feature for feature in schema}
    both = [(there[name], feature) for name, feature in here.items() if name in there]
    return (
        *(f"missing: {feature}" for name, feature in here.items() if name not in there),
        *(f"extra: {name}{_hint(name, here)}" for name in there if name not in here),
        *(f"retyped: {a.name} is {a.dtype} there, {b.dtype} here" for a, b in both if not _fits(a, b)),
        *(
            f"re-nulled: {a.name} is {nullness(nullable=a.nullable)} there, {nullness(nullable=b.nullable)} here"
            for a, b in both
            if a.nullable != b.nullable
        ),
        *_units(both, said=any(feature.unit is not None for feature in declared)),
    )


def _fits(there: DeclaredFeature, here: ProfileFeature) -> bool:
    return here.dtype in _WORDS.get(there.dtype.casefold(), ())


def _hint(name: str, here: dict[str, ProfileFeature]) -> str:
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return f" (on the wire it is {snake})" if snake in here and snake != name else ""


def _units(both: Sequence[tuple[DeclaredFeature, ProfileFeature]], *, said: bool) -> Iterator[str]:
    for there, here in both:
        if said and there.unit != here.unit:
            unit = "not said" if there.unit is None else f"{there.unit!r}"
            yield f"unit: {here.name} is {unit} there, {here.unit!r} here"
