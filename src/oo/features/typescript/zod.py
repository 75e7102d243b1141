"""A profile feature as zod has it: `z.number().int().nullable()`."""

from dataclasses import replace

from oo.features.typescript.constants import Chain
from oo.features.typescript.members import Member

_TYPES = {
    "number": "number",
    "float64": "float64",
    "int": "int64",
    "int64": "int64",
    "bigint": "int64",
    "string": "string",
    "enum": "string",
    "boolean": "boolean",
}
_NULL = {"nullable": (True, False), "optional": (False, True), "nullish": (True, True)}
# Calls that leave type and null as they are.
_PLAIN = {
    *(
        "min",
        "max",
        "gt",
        "gte",
        "lt",
        "lte",
        "positive",
        "nonnegative",
        "negative",
        "nonpositive",
        "multipleOf",
        "step",
    ),
    *("finite", "safe", "length", "nonempty", "regex", "trim", "describe", "meta", "brand", "readonly", "refine"),
    *("superRefine", "check", "strict"),
}


def member(chain: Chain) -> Member | str:
    """What the chain declares, or the name of the call that is not understood."""
    found = Member("")
    for call in chain.calls:
        inner = call.arguments[0].value if call.arguments else None
        if call.name in _NULL:
            if isinstance(inner, Chain):  # z.nullable(z.number())
                wrapped = member(inner)
                if isinstance(wrapped, str):
                    return wrapped
                found = wrapped
            null, optional = _NULL[call.name]
            found = replace(found, null=found.null or null, optional=found.optional or optional)
        elif call.name in _TYPES:
            found = replace(found, word=_TYPES[call.name])
        elif call.name not in _PLAIN:
            return call.name
    return found
