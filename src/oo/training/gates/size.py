from dataclasses import dataclass

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class Size:
    """The file fits the memory of a scorer, which holds the old and the new model while it changes them."""

    at_most_bytes: int = 50_000_000

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a file of at most so many bytes."""
        size = len(evidence.challenger.onnx)
        passed = size <= self.at_most_bytes
        relation = "at most" if passed else "more than"
        return GateResult(
            "size",
            passed,
            f"The ONNX file has {size:,} bytes, {relation} the {self.at_most_bytes:,} that are allowed.",
            {"bytes": size},
        )
