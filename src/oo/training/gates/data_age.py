from dataclasses import dataclass
from datetime import timedelta

import pyarrow.compute as pc  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult

NAME = "data age"


@dataclass(frozen=True, slots=True)
class DataAge:
    """What judges the challenger is about people as they are now."""

    at_most: timedelta = timedelta(days=7)

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass when the newest decision is recent, and not of a time that nothing was known of yet."""
        newest = pc.max(evidence.dataset.decisions["decided_at"]).as_py()
        if newest is None:
            return GateResult(NAME, passed=False, sentence="There is no decision to tell the age of.")
        age = evidence.as_of - newest
        told = f"The newest decision is {age / timedelta(days=1):.2f} days old as of {evidence.as_of.isoformat()}"
        if age < timedelta():
            told = f"The newest decision, of {newest.isoformat()}, is later than {evidence.as_of.isoformat()}"
            sentence = f"{told}, when the dataset was put together: it knows its own future."
        elif age > self.at_most:
            sentence = f"{told}, older than {self.at_most.days} days; train on newer ones."
        else:
            sentence = f"{told}, at most {self.at_most.days} days."
        return GateResult(NAME, timedelta() <= age <= self.at_most, sentence, {"days": age / timedelta(days=1)})
