"""What differs, told so that one sees where to look."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar

SHOWN = 5
_WIDTH = 400

K = TypeVar("K", bound=Hashable)


def differences(what: str, expected: Mapping[K, Any], found: Mapping[K, Any]) -> list[str]:
    """A line for each difference, the first `SHOWN` of each kind; none when all is equal."""
    missing = [f"misses {key!r}: {_short(expected[key])}" for key in expected.keys() - found.keys()]
    more = [f"has {key!r} too many: {_short(found[key])}" for key in found.keys() - expected.keys()]
    other = [
        f"differs at {key!r}:\n    expected {_short(expected[key])}\n    found    {_short(found[key])}"
        for key in expected.keys() & found.keys()
        if expected[key] != found[key]
    ]
    return [line for kind in (missing, more, other) for line in _first(what, sorted(kind))]


def doubled(what: str, keys: Iterable[K]) -> list[str]:
    """A line for each key that is there more than once."""
    return _first(what, [f"holds {key!r} {times} times" for key, times in Counter(keys).items() if times > 1])


def _first(what: str, lines: list[str]) -> list[str]:
    more = [f"{what}: and {len(lines) - SHOWN} more of this kind"] if len(lines) > SHOWN else []
    return [*(f"{what} {line}" for line in lines[:SHOWN]), *more]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}… ({len(text)} characters)"
