"""What becomes of the profile features that a caller sent, before anything reads them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from oo.errors import InvalidFeature
from oo.features.profile_schema import FEATURE_OF, PROFILE_SCHEMA, Dtype, ProfileFeature, nullness
from oo.telemetry import UNKNOWN_PROFILE_FEATURES

MOST_NAMES = 50
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class ProfileAdmission:
    """Lets in what the profile schema has, and counts the names that it does not have.

    Each process has one. The first 50 unknown names, cut to 64 characters, are counted under a label of their own and
    the rest as `other`, so no caller can grow the process by making names up.
    """

    _labels: set[str] = field(default_factory=set)

    def admit(self, sent: Mapping[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        """Every feature of the schema, null where none was sent, and nothing else; None when no profile was sent.

        Raises:
            InvalidFeature: a value of the wrong type; names the feature, its dtype and its unit.
        """
        if sent is None:
            return None
        admitted: dict[str, JsonValue] = {}
        for name, feature, fits in _CHECKS:
            value = sent.get(name)
            if value is None:
                if name in sent and not feature.nullable:
                    raise _refusal(feature, value)
            elif not fits(value):
                raise _refusal(feature, value)
            admitted[name] = value
        if not sent.keys() <= FEATURE_OF.keys():
            unknown = Counter(self._label(name) for name in sent if name not in FEATURE_OF)
            for label, times in unknown.items():
                UNKNOWN_PROFILE_FEATURES.labels(label).inc(times)
        return admitted

    def _label(self, name: str) -> str:
        label = name[:LONGEST_NAME]
        if label in self._labels:
            return label
        if len(self._labels) >= MOST_NAMES:
            return "other"
        self._labels.add(label)
        return label


def _is_number(value: JsonValue) -> bool:
    return type(value) is float or type(value) is int  # exactly: to isinstance a bool is an int


def _is_int64(value: JsonValue) -> bool:
    # JSON does not tell 8 from 8.0.
    whole = type(value) is int or (type(value) is float and value.is_integer())
    return whole and -(2**63) <= value < 2**63  # type: ignore[operator]  # a number, by the line above


_FITS: dict[Dtype, Callable[[JsonValue], bool]] = {
    "float64": _is_number,
    "int64": _is_int64,
    "string": lambda value: type(value) is str,
    "bool": lambda value: type(value) is bool,
}
_CHECKS = tuple((feature.name, feature, _FITS[feature.dtype]) for feature in PROFILE_SCHEMA)


def _refusal(feature: ProfileFeature, value: JsonValue) -> InvalidFeature:
    found = "null" if value is None else type(value).__name__
    if feature.dtype == "int64" and _is_number(value):
        found = "a number that is not whole or over 64 bits"
    return InvalidFeature(
        f"profile feature {feature.name!r} must be {feature.dtype}, {nullness(nullable=feature.nullable)}, in"
        f" {feature.unit!r}, not {found}; leave it out when it is unknown"
    )
