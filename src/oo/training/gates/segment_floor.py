from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from oo.training.gates.gate import Evidence
from oo.training.gates.losses import Gain, gain_of
from oo.training.verdict import GateResult

NAME = "segment floor"


class _Segment(NamedTuple):
    name: str
    rows: int
    gain: Gain


@dataclass(frozen=True, slots=True)
class SegmentFloor:
    """Nobody pays for the others' gain: no segment is estimated worse than by the champion, beyond chance.

    Chance is allowed for over all segments together, since of twenty that are as good as before one looks worse.
    """

    rows: int = 30
    """A segment with fewer is not asked."""
    confidence: float = 0.95

    def judge(self, evidence: Evidence) -> GateResult:
        """Pass when at least one segment is large enough to be asked and none of those is worse."""
        segments = list(self._segments(evidence))
        if not segments:
            sentence = f"No segment of the holdout has {self.rows} decisions to compare with the champion on."
            return GateResult(NAME, passed=False, sentence=sentence)
        if not all(np.isfinite(segment.gain.mean) for segment in segments):
            return GateResult(NAME, passed=False, sentence="Segments cannot be compared: a score is no number.")
        adjusted = holm([segment.gain.p_worse for segment in segments])
        worse = [
            f"{segment.name} (log loss {segment.gain.challenger:.4f} instead of {segment.gain.other:.4f} on "
            f"{segment.rows} decisions, p = {p:.2g})"
            for segment, p in zip(segments, adjusted, strict=True)
            if p < 1 - self.confidence
        ]
        least = min(segments, key=lambda segment: segment.gain.mean)
        asked = f"{len(segments)} segments of at least {self.rows} decisions, corrected for as many looks (Holm)"
        sentence = (
            f"The challenger is worse than the champion for {', '.join(worse)}; {asked}."
            if worse
            else f"No segment is worse than under the champion beyond chance, least of all to gain {least.name} "
            f"(gain {least.gain.mean:.4f} on {least.rows} decisions, interval {least.gain.low:.4f} to "
            f"{least.gain.high:.4f}); {asked}."
        )
        figures = {"segments": len(segments), "worse": len(worse), "least_gain": least.gain.mean}
        return GateResult(NAME, not worse, sentence, figures | {"least_p": min(adjusted)})

    def _segments(self, evidence: Evidence) -> Iterator[_Segment]:
        for cut, labels in evidence.segments.items():
            for label in np.unique(labels):
                at = labels == label
                if (rows := int(at.sum())) < self.rows:
                    continue
                gain = gain_of(
                    evidence.rewards[at],
                    evidence.challenger.scores[at],
                    evidence.champion.scores[at],
                    self.confidence,
                )
                if gain is not None:
                    yield _Segment(f"{cut} {label}", rows, gain)


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value as it counts among the others; the chance of any false alarm stays below the level.

    Source: Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 6, 1979.
    """
    adjusted, least = [1.0] * len(p_values), 0.0
    for place, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[at]))
        adjusted[at] = least
    return adjusted
