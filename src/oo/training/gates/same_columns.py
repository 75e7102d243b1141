from dataclasses import dataclass

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class SameColumns:
    """The challenger reads the columns that serving encodes."""

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass equal digests only."""
        passed = evidence.challenger.feature_digest == evidence.service.digest
        sentence = (
            "The challenger reads the columns that the catalog declares."
            if passed
            else "The challenger was trained on other columns than the catalog declares now; train it again."
        )
        return GateResult("same columns", passed, sentence)
