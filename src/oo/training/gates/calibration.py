from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oo.experiments.interval import Interval
from oo.training.gates.gate import Evidence, Scores
from oo.training.verdict import GateResult

NAME = "calibration"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A score means what it says: of decisions scored 0.3, about three in ten are rewarded.

    Too much is an expected calibration error of ten percentage points, or of the rarer reward's own share where that is
    less: where one decision in two hundred is rewarded, to be wrong by as much as that is to know nothing.
    """

    at_most: float = 0.1
    rows_a_bin: int = 30
    most_bins: int = 10
    confidence: float = 0.95
    resamples: int = 1_000
    seed: int = 1

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass an error whose whole interval lies below what is too much."""
        rewards, scores = evidence.rewards, evidence.challenger.scores
        if len(rewards) < self.rows_a_bin or not np.isfinite(scores).all():
            sentence = f"Calibration cannot be told from {len(rewards)} decisions, or a score is no number."
            return GateResult(NAME, passed=False, sentence=sentence)
        bins = bins_of(scores, min(self.most_bins, len(scores) // self.rows_a_bin))
        error = calibration_error(rewards, scores, bins)
        low, high = self._interval(rewards, scores, bins, error)
        rate = float(evidence.dataset.rewards.mean())
        too_much = min(self.at_most, rate, 1 - rate)
        passed = high < too_much
        verdict = "less than" if passed else "too much, at least" if low >= too_much else "not surely less than"
        ending = "." if passed or low >= too_much else ": that is inconclusive."
        return GateResult(
            NAME,
            passed,
            f"The challenger's probabilities are off by {error:.4f} on average over {bins.max() + 1} bins "
            f"({self.confidence:.0%} interval {low:.4f} to {high:.4f}), {verdict} {too_much:.4f}{ending}",
            {"error": error, "low": low, "high": high, "too_much": too_much},
        )

    def _interval(self, rewards: Scores, scores: Scores, bins: npt.NDArray[np.intp], error: float) -> Interval:
        """The basic bootstrap's: the error of a sample lies above the true one, and resampling it adds as much again.

        Source: Davison and Hinkley, *Bootstrap methods and their application*, 1997, section 5.2.
        """
        rng = np.random.default_rng(self.seed)
        resampled = np.empty(self.resamples)
        for resample in range(self.resamples):
            rows = rng.integers(len(rewards), size=len(rewards))
            resampled[resample] = calibration_error(rewards[rows], scores[rows], bins[rows])
        tail = (1 - self.confidence) / 2
        low, high = 2 * error - np.quantile(resampled, [1 - tail, tail])
        return Interval(max(0.0, float(low)), max(0.0, float(high)))


def bins_of(scores: Scores, number: int) -> npt.NDArray[np.intp]:
    """The bin of each score, from 0: at most `number` of about equally many rows; equal scores share theirs."""
    edges = np.quantile(scores, np.linspace(0, 1, number + 1)[1:-1])
    return np.unique(np.searchsorted(edges, scores, side="right"), return_inverse=True)[1]


def calibration_error(rewards: Scores, scores: Scores, bins: npt.NDArray[np.intp]) -> float:
    """The expected calibration error: how far a bin's mean score is from its reward rate, on average over rows.

    Source: Naeini, Cooper and Hauskrecht, *Obtaining well calibrated probabilities using Bayesian binning*, AAAI 2015.
    """
    return float(np.abs(np.bincount(bins, weights=scores - rewards)).sum()) / len(rewards)
