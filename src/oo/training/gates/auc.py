from dataclasses import dataclass

from oo.training.gates.delong import auc, auc_gain
from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult

NAME = "AUC"


@dataclass(frozen=True, slots=True)
class BetterRanking:
    """The challenger tells rewarded decisions from others better than the champion does, beyond chance.

    A policy picks by rank. A champion that was only calibrated anew has a lower log loss and chooses as before.
    """

    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a gain in AUC whose whole interval lies above 0."""
        rewards, own, other = evidence.rewards, evidence.challenger.scores, evidence.champion.scores
        gain = auc_gain(rewards, own, other, self.confidence)
        challenger, champion = auc(rewards, own, self.confidence), auc(rewards, other, self.confidence)
        if gain is None or challenger is None or champion is None:
            sentence = "AUC cannot be compared: the holdout lacks one of both rewards, or a score is no number."
            return GateResult(NAME, passed=False, sentence=sentence)
        verdict = "it ranks better" if gain.low > 0 else "it ranks worse" if gain.high < 0 else "that is inconclusive"
        return GateResult(
            NAME,
            gain.low > 0,
            f"On the holdout the challenger's AUC is {challenger.value:.4f}, the champion's {champion.value:.4f}. "
            f"The gain is {gain.value:.4f} ({self.confidence:.0%} interval {gain.low:.4f} to {gain.high:.4f}): "
            f"{verdict}.",
            {"gain": gain.value, "low": gain.low, "high": gain.high, "challenger": challenger.value},
        )
