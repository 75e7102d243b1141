from dataclasses import dataclass

import numpy as np

from oo.training.gates.gate import Evidence
from oo.training.gates.losses import compared, gain_of
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class BetterThanBaseRate:
    """The challenger tells decisions apart: it is better than giving each of them the same chance, beyond chance.

    A model that has learned nothing but how often people react beats a poor champion, and ranks no tip above another.
    """

    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a gain in log loss whose whole interval lies above 0."""
        fitted, rewards = evidence.fitted_rewards, evidence.rewards
        base_rate = float(fitted.mean()) if len(fitted) else 0.5
        constant = np.full(len(rewards), base_rate)
        gain = gain_of(rewards, evidence.challenger.scores, constant, self.confidence)
        return compared("base rate", gain, f"a constant {base_rate:.4f}", self.confidence)
