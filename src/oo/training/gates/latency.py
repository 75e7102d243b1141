from dataclasses import dataclass

import numpy as np

from oo.training.gates.gate import Evidence
from oo.training.verdict import GateResult

NAME = "latency"


@dataclass(frozen=True, slots=True)
class Latency:
    """A request does not wait much longer for the challenger than for the champion.

    A ratio of both on one machine in the same minute: milliseconds would judge the machine. A request is encoded and
    scored, as serving does, so that a model of a few microseconds is not out of reach for every other one.
    """

    at_most: float = 4.0
    confidence: float = 0.95
    resamples: int = 1_000
    seed: int = 1

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a ratio of medians whose whole interval lies below the allowance."""
        own, other = evidence.challenger.seconds, evidence.champion.seconds
        if not len(own):
            return GateResult(NAME, passed=False, sentence="The challenger could not be timed on the serving path.")
        rows = np.random.default_rng(self.seed).integers(len(own), size=(self.resamples, len(own)))
        ratios = np.median(own[rows], axis=1) / np.median(other[rows], axis=1)
        tail = (1 - self.confidence) / 2
        low, high = map(float, np.quantile(ratios, [tail, 1 - tail]))
        median, others = float(np.median(own)), float(np.median(other))
        ratio, passed = median / others, high < self.at_most
        verdict = "within" if passed else "more than" if low >= self.at_most else "not surely within"
        ending = "." if passed or low >= self.at_most else ": that is inconclusive."
        return GateResult(
            NAME,
            passed,
            f"To encode and score a request of 50 arms takes {ratio:.2f} times as long as with the champion "
            f"({self.confidence:.0%} interval {low:.2f} to {high:.2f}; here {median * 1e3:.2f} ms and "
            f"{others * 1e3:.2f} ms), {verdict} the {self.at_most:g} times that are allowed{ending}",
            {"ratio": ratio, "low": low, "high": high},
        )
