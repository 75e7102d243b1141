from dataclasses import dataclass

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class Parity:
    """The file that would serve gives the probabilities of the model that was fitted."""

    tolerance: float = 1e-5

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a difference within the tolerance."""
        difference = evidence.parity_difference
        passed = difference <= self.tolerance
        relation = "at most" if passed else "not within"
        return GateResult(
            "parity",
            passed,
            f"The ONNX file differs from the model by {difference:.2g}, {relation} {self.tolerance:.0e}.",
            {"max_difference": difference},
        )
