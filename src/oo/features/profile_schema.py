"""The product's profile features: what a caller computes of a person and ships with each call."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProfileFeature:
    """One profile feature. Every one may be absent, since little is known of a new person."""

    name: str
    type: Literal["number", "category"]
    unit: str


PROFILE_SCHEMA: tuple[ProfileFeature, ...] = (
    ProfileFeature("completion_rate", "number", "share of shown tips that the person completed, 0 to 1"),
    ProfileFeature("preferred_hour", "number", "local hour of the day that suits the person best, 0 to 23"),
    ProfileFeature("tip_volume", "number", "tips a week"),
)
