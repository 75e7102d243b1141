from dataclasses import dataclass

from oo.training.gates.gate import Evidence
from oo.training.gates.losses import compared, gain_of
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class BetterThanChampion:
    """The challenger's estimates are better than the champion's, beyond chance."""

    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a gain in log loss whose whole interval lies above 0."""
        gain = gain_of(evidence.rewards, evidence.challenger.scores, evidence.champion.scores, self.confidence)
        return compared("log loss", gain, "the champion", self.confidence)
