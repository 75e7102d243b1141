"""The gates between a challenger and the champion's place. Each can say no, in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

import numpy as np
import numpy.typing as npt

_Scores = npt.NDArray[np.float64]
# A loss has no bound: one row scored 0 that earned 1 would decide alone. A model may be this sure, no surer.
_SUREST = 1e-6


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a challenger is judged by."""

    feature_digest: str
    """Of the columns as the catalog declares them."""
    challenger_feature_digest: str
    """Of the columns that the challenger was trained on."""
    parity_difference: float
    """The largest difference between the ONNX file and the model that it was made of."""
    rewards: _Scores
    """Of the holdout's decisions, shape (n,), 0 or 1."""
    challenger_scores: _Scores
    """Shape (n,), from the ONNX file that would serve."""
    champion_scores: _Scores
    """Shape (n,), from the ONNX file that serves."""
    base_rate: float
    """The mean reward of the decisions that the challenger was fitted on."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate says."""

    name: str
    passed: bool
    sentence: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all gates say."""

    reasons: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate passes: one no is a no."""
        return all(reason.passed for reason in self.reasons)


class Gate(Protocol):
    """One condition for promotion."""

    def judge(self, evidence: Evidence) -> GateResult:
        """Whether the challenger passes, and why, in a sentence."""


@dataclass(frozen=True, slots=True)
class SameColumns:
    """The challenger reads the columns that serving encodes."""

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass equal digests only."""
        passed = evidence.challenger_feature_digest == evidence.feature_digest
        sentence = (
            "The challenger reads the columns that the catalog declares."
            if passed
            else "The challenger was trained on other columns than the catalog declares now; train it again."
        )
        return GateResult("same columns", passed, sentence)


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


@dataclass(frozen=True, slots=True)
class BetterThanChampion:
    """The challenger's estimates are better than the champion's, beyond chance."""

    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a gain in log loss whose whole interval lies above 0."""
        return _compare("log loss", evidence, "the champion", evidence.champion_scores, self.confidence)


@dataclass(frozen=True, slots=True)
class BetterThanBaseRate:
    """The challenger tells decisions apart: it is better than giving each of them the same chance, beyond chance.

    A model that has learned nothing but how often people react beats a poor champion, and ranks no tip above another.
    """

    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass a gain in log loss whose whole interval lies above 0."""
        constant = np.full(len(evidence.rewards), evidence.base_rate)
        return _compare("base rate", evidence, f"a constant {evidence.base_rate:.4f}", constant, self.confidence)


def _compare(name: str, evidence: Evidence, other: str, other_scores: _Scores, confidence: float) -> GateResult:
    """The paired gain in log loss with its normal interval; one around 0 is inconclusive, which is a no.

    Both score the same rows, so what is hard about a row cancels out.
    """
    if len(evidence.rewards) < 2:  # noqa: PLR2004  # a deviation needs two
        return GateResult(name, passed=False, sentence=f"There is no holdout to compare with {other} on.")
    challenger = log_losses(evidence.rewards, evidence.challenger_scores)
    others = log_losses(evidence.rewards, other_scores)
    gains = others - challenger
    gain = float(gains.mean())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(gains.std(ddof=1)) / math.sqrt(len(gains))
    low, high = gain - half, gain + half
    verdict = "it is better" if low > 0 else "it is worse" if high < 0 else "that is inconclusive"
    return GateResult(
        name,
        low > 0,
        f"On the holdout the challenger's log loss is {challenger.mean():.4f}, that of {other} {others.mean():.4f}. "
        f"The gain is {gain:.4f} ({confidence:.0%} interval {low:.4f} to {high:.4f}): {verdict}.",
        {"gain": gain, "low": low, "high": high},
    )


GATES: tuple[Gate, ...] = (SameColumns(), Parity(), SampleSize(), BetterThanBaseRate(), BetterThanChampion())


def judge(evidence: Evidence, gates: Sequence[Gate] = GATES) -> Verdict:
    """What every gate says; all are asked, so that a refusal names all of its reasons."""
    return Verdict(tuple(gate.judge(evidence) for gate in gates))


def log_losses(rewards: _Scores, scores: _Scores) -> _Scores:
    """The log loss of each row in nats, shape (n,); NaN for a score that is none.

    Args:
        rewards: shape (n,), 0 or 1.
        scores: the probability of a reward, shape (n,).
    """
    sure = np.clip(scores, _SUREST, 1 - _SUREST)
    losses: _Scores = -np.log(np.where(rewards == 1, sure, 1 - sure))
    return losses
