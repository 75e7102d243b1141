"""What the gates said of a model, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from oo.registry.registry import ModelVersion


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate says."""

    name: str
    passed: bool
    sentence: str
    figures: Mapping[str, float] = field(default_factory=dict)


class Verdict(BaseModel):
    """What the gates said of a candidate, as it is kept beside its version."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    champion: int
    """The version that it was judged against."""
    reasons: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate passes: one no is a no, and who was asked nothing knows nothing."""
        return bool(self.reasons) and all(reason.passed for reason in self.reasons)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What every gate said."""
        return tuple(f"{'pass' if reason.passed else 'no'}: {reason.sentence}" for reason in self.reasons)


class Outcome(BaseModel):
    """What became of a challenger."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    challenger: ModelVersion
    verdict: Verdict
    proposed: bool
    """Whether it may be rolled out now."""
    said: str
    """What was done, and what comes next."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What every gate said, then what was done."""
        return (*self.verdict.sentences, self.said)
