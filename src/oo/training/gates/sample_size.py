from dataclasses import dataclass

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult


@dataclass(frozen=True, slots=True)
class SampleSize:
    """The holdout is large enough to be asked."""

    rows: int = 100
    of_each_reward: int = 10

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass enough rows with enough of both rewards."""
        n, rewarded = len(evidence.rewards), int(evidence.rewards.sum())
        passed = n >= self.rows and min(rewarded, n - rewarded) >= self.of_each_reward
        verb = "is enough" if passed else "is too little to judge by"
        return GateResult(
            "sample size",
            passed,
            f"A holdout of {n} decisions, {rewarded} of them rewarded, {verb} "
            f"(at least {self.rows}, and {self.of_each_reward} of either reward).",
            {"rows": n, "rewarded": rewarded},
        )
