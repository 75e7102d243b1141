"""What a shadow did with the requests that stable answered."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

from oo.experiments.interval import Interval, wilson
from oo.offline.store import OfflineStore
from oo.rollout.comparison import Count, Rates, Report, Times
from oo.rollout.decided import Decided, Range, decided_in
from oo.rollout.decision import Decision
from oo.rollout.records import Records
from oo.rollout.sketch import Sketch
from oo.rollout.value import Value

_SLICES = 10
_BINS = 1_000
_SAMPLE = 20


class Coverage(Report):
    """How many of the stable decisions the shadow answered too."""

    expected: Count
    """Stable decisions of the champion, or of none when its model was missing."""
    paired: Count

    def share(self, confidence: float) -> Interval:
        """The interval of the share; (0, 1) while nothing is expected."""
        return wilson(self.paired, self.expected, confidence)


class Scores(Report):
    """All arms' scores of both sides."""

    stable_mean: float
    candidate_mean: float
    distance: float
    """The Kolmogorov-Smirnov distance of the distributions, by a thousandth of the scale: 0 alike, 1 apart."""


class Pairs(Report):
    """What pairs of stable and shadow decisions say. Every figure is of pairs alone."""

    coverage: Coverage
    compared: Count
    """Pairs in which both sides scored the same arms; a policy's scores are its probabilities."""
    agreed: Count
    """Those with the same best arm."""
    agreement: Interval
    ranked: Count
    """Those with a rank correlation: a side that scores all arms alike has none."""
    rank_correlation: float | None
    """Spearman's, the mean over them."""
    scores: Scores | None
    errors: Rates
    """Degraded answers."""
    p50: Times
    p95: Times
    unsound: Count
    """Shadow decisions with a score that is no number from 0 to 1."""


class ShadowReport(Report):
    """Pairs by `decision_id`, of one candidate beside one champion."""

    champion: str
    candidate: str
    since: datetime
    until: datetime
    """Of the stable decisions; the shadow's may come a little later."""
    newest_pair: datetime | None
    digests: Mapping[str, Count]
    """The model files or prompts that the shadow says it decided with, and how often."""
    others: Count
    """Stable decisions of another version than the champion, and shadow decisions of another than the candidate."""
    all: Pairs
    segments: Mapping[str, Pairs]
    """By tenant, and by whether stable's answer was degraded."""
    slices: tuple[Coverage, ...]
    """Of equal parts of the time, oldest first: a mirror that stopped shows here while the whole still looks well."""
    sample: tuple[str, ...]
    """Some pairs' tenants and ids, evenly spread."""
    value: Value | None = None
    """What a replayed policy would have earned; None for models and prompts, and while nothing is known."""


class _Tally:
    """One segment's sums: memory does not grow with its pairs."""

    def __init__(self) -> None:
        self.expected = self.paired = self.compared = self.agreed = self.ranked = self.unsound = 0
        self.degraded = [0, 0]
        self._correlations = 0.0
        self._sums = np.zeros(2)
        self._histograms = np.zeros((2, _BINS), dtype=np.int64)
        self._latencies = Sketch(), Sketch()

    def add(self, stable: Decision, shadow: Decision | None) -> None:
        self.expected += 1
        if shadow is None:
            return
        self.paired += 1
        for side, decision in enumerate((stable, shadow)):
            self.degraded[side] += decision.degraded
        if stable.latency is not None and shadow.latency is not None:
            self._latencies[0].add(stable.latency)
            self._latencies[1].add(shadow.latency)
        self.unsound += not shadow.sound
        if stable.packed and shadow.packed and stable.arms == shadow.arms and stable.sound and shadow.sound:
            self._compare(stable, shadow)

    def _compare(self, stable: Decision, shadow: Decision) -> None:
        self.compared += 1
        self.agreed += stable.best == shadow.best
        scores = np.array([stable.scores, shadow.scores])
        self._sums += scores.sum(axis=1)
        bins = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
        for side in (0, 1):
            np.add.at(self._histograms[side], bins[side], 1)
        if (correlation := spearman(scores)) is not None:
            self.ranked += 1
            self._correlations += correlation

    def coverage(self) -> Coverage:
        return Coverage(expected=self.expected, paired=self.paired)

    def pairs(self, confidence: float) -> Pairs:
        stable_degraded, shadow_degraded = self.degraded
        return Pairs(
            coverage=self.coverage(),
            compared=self.compared,
            agreed=self.agreed,
            agreement=wilson(self.agreed, self.compared, confidence),
            ranked=self.ranked,
            rank_correlation=self._correlations / self.ranked if self.ranked else None,
            scores=self._scores() if self.compared else None,
            errors=Rates.of((stable_degraded, self.paired), (shadow_degraded, self.paired), confidence),
            p50=Times.of(*self._latencies, 0.5, confidence),
            p95=Times.of(*self._latencies, 0.95, confidence),
            unsound=self.unsound,
        )

    def _scores(self) -> Scores:
        n = self._histograms.sum(axis=1)
        shares = self._histograms.cumsum(axis=1) / n[:, None]
        means = self._sums / n
        return Scores(
            stable_mean=float(means[0]),
            candidate_mean=float(means[1]),
            distance=float(np.abs(shares[0] - shares[1]).max()),
        )


def spearman(scores: npt.NDArray[np.float64]) -> float | None:
    """The rank correlation of two rows of scores, shape (2, arms); None when one of them ranks nothing.

    Source: Spearman, *The proof and measurement of association between two things*, American Journal of Psychology 15,
    1904; equal scores share the mean of their ranks.

    >>> spearman(np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]]))
    -1.0
    """
    ranks = np.stack([_ranks(row) for row in scores])
    apart = ranks - ranks.mean(axis=1, keepdims=True)
    scale = math.sqrt(float((apart[0] ** 2).sum() * (apart[1] ** 2).sum()))
    return float((apart[0] * apart[1]).sum()) / scale if scale else None


def _ranks(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """As `scipy.stats.rankdata`, which takes a second to import: a person waits for each `oo rollout` command."""
    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    return (times.cumsum() - (times - 1) / 2)[place]


def shadow_report(  # noqa: PLR0913  # each is a fact of the comparison, given by name
    store: OfflineStore,
    records: Records,
    *,
    champion: str,
    candidate: str,
    stable: Range,
    shadow: Range,
    confidence: float,
    valued: Callable[[Decided], Value | None] = lambda _: None,
) -> ShadowReport:
    """Compare a shadow with the champion beside it, over the requests that both should have answered.

    Args:
        store: the archive of decisions.
        records: which decisions are the subject's.
        champion: the version that serves.
        candidate: the shadow's version.
        stable: when stable decided what counts.
        shadow: when the shadow may have answered it; both of the clocks of their own machines.
        confidence: of the intervals.
        valued: says what the shadow's decisions would have earned.

    Raises:
        OfflineStoreFailed: the archive cannot be read.
    """
    whole = Range(min(stable.since, shadow.since), max(stable.until, shadow.until))
    with decided_in(store, records, whole) as decided:
        report = _report(decided, champion, candidate, stable, confidence)
        return report.model_copy(update={"value": valued(decided)})


def _report(decided: Decided, champion: str, candidate: str, stable: Range, confidence: float) -> ShadowReport:
    every = _Tally()
    segments: defaultdict[str, _Tally] = defaultdict(_Tally)
    slices = [Counter[str]() for _ in range(_SLICES)]
    digests: Counter[str] = Counter()
    others, newest, sample = 0, None, _Sample()
    begin, length = stable.since.timestamp(), (stable.until - stable.since).total_seconds()
    for one, mirrored in decided.pairs(stable):
        other = mirrored
        if other is not None and other.version not in (candidate, None):
            others, other = others + 1, None
        if one.version not in (champion, None):
            others += 1
            continue
        every.add(one, other)
        for segment in (f"tenant {one.tenant}", "stable degraded" if one.degraded else "stable not degraded"):
            segments[segment].add(one, other)
        at = min(_SLICES - 1, int(_SLICES * (one.at - begin) / length))
        slices[at].update(expected=1, paired=int(other is not None))
        if other is not None:
            newest = max(newest or one.at, one.at)
            sample.add(f"{one.tenant}/{one.decision}")
            if other.digest is not None:
                digests[other.digest] += 1
    return ShadowReport(
        champion=champion,
        candidate=candidate,
        since=stable.since,
        until=stable.until,
        newest_pair=None if newest is None else datetime.fromtimestamp(newest, stable.since.tzinfo),
        digests=dict(sorted(digests.items())),
        others=others,
        all=every.pairs(confidence),
        segments={name: tally.pairs(confidence) for name, tally in sorted(segments.items())},
        slices=tuple(Coverage(expected=each["expected"], paired=each["paired"]) for each in slices),
        sample=tuple(sample.kept),
    )


class _Sample:
    """Every n-th of a stream, n growing so that no more than twice the wanted number are ever kept."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self._seen, self._stride = 0, 1

    def add(self, name: str) -> None:
        if self._seen % self._stride == 0:
            self.kept.append(name)
        self._seen += 1
        if len(self.kept) > 2 * _SAMPLE:
            self.kept = self.kept[::2]
            self._stride *= 2
