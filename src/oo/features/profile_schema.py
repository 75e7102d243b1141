"""The product's profile features: what a caller computes of a person and ships with each call.

This list is the contract. `clients/typescript/src/profile/registry.ts` says the same in TypeScript, and
`oo profile check` compares any TypeScript file with it.
"""

from dataclasses import dataclass
from typing import Literal

Dtype = Literal["float64", "int64", "string", "bool"]


@dataclass(frozen=True, slots=True)
class ProfileFeature:
    """One profile feature, under the name that it has on the wire."""

    name: str
    dtype: Dtype
    nullable: bool
    """Whether a caller may know the person and still not this. Leaving a feature out is always allowed."""
    unit: str
    """What one of it is; for text and booleans, what the values stand for."""
    meaning: str

    @property
    def column_type(self) -> Literal["number", "category"]:
        """The type of a catalog column that reads it."""
        return "category" if self.dtype == "string" else "number"

    def __str__(self) -> str:
        return f"{self.name} ({self.dtype}, {nullness(nullable=self.nullable)}, {self.unit})"


def nullness(*, nullable: bool) -> str:
    """The word for it."""
    return "nullable" if nullable else "not null"


PROFILE_SCHEMA: tuple[ProfileFeature, ...] = (
    ProfileFeature(
        "completion_rate",
        "float64",
        nullable=True,
        unit="share 0 to 1",
        meaning="Shown tips that the person completed.",
    ),
    ProfileFeature(
        "dismiss_rate", "float64", nullable=True, unit="share 0 to 1", meaning="Shown tips that the person dismissed."
    ),
    ProfileFeature(
        "preferred_hour",
        "int64",
        nullable=True,
        unit="local hour 0 to 23",
        meaning="The hour of the day that suits the person best.",
    ),
    ProfileFeature(
        "tip_volume", "float64", nullable=False, unit="tips per week", meaning="Tips that the person is shown."
    ),
    ProfileFeature(
        "tips_shown_today",
        "int64",
        nullable=False,
        unit="tips",
        meaning="Tips that the person was shown since local midnight.",
    ),
    ProfileFeature(
        "hours_since_last_tip", "float64", nullable=True, unit="hours", meaning="Since the last tip was shown."
    ),
    ProfileFeature("days_since_signup", "int64", nullable=False, unit="days", meaning="Whole days since the signup."),
    ProfileFeature(
        "streak_days",
        "int64",
        nullable=False,
        unit="days",
        meaning="Days in a row, up to yesterday, with a completed tip.",
    ),
    ProfileFeature(
        "utc_offset_minutes",
        "int64",
        nullable=True,
        unit="minutes east of UTC",
        meaning="The person's local time at the moment of the call.",
    ),
    ProfileFeature(
        "language", "string", nullable=True, unit="BCP 47 tag", meaning="The language that the person reads tips in."
    ),
    ProfileFeature("goal", "string", nullable=True, unit="tip topic", meaning="What the person said to work on."),
    ProfileFeature(
        "notifications_enabled",
        "bool",
        nullable=False,
        unit="true or false",
        meaning="Whether the person lets the product notify them.",
    ),
)

FEATURE_OF: dict[str, ProfileFeature] = {feature.name: feature for feature in PROFILE_SCHEMA}
