"""What the reports speak for."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from oo.registry.history import Kind
from oo.rollout.canary_report import CanaryReport
from oo.rollout.finding import Finding, Speaks, at_least, errors, hold, latency, rewards, value
from oo.rollout.requirements import Requirements
from oo.rollout.shadow_report import Pairs, ShadowReport

_TO_COVER: Mapping[Kind, str] = {
    "model": "look at the mirror",
    "policy": "look at the model, whose scores are missing",
    "prompt": "look at the budget for prompts on trial, OO_SHADOW_PROMPT_DAILY_USD",
}
"""What to do where too little was answered."""


def of_shadow(
    report: ShadowReport, requirements: Requirements, now: datetime, kind: Kind = "model"
) -> Iterator[Finding]:
    """Judge the pairs, once the mirror is known to have let through enough of them.

    A prompt chooses no arm, and a policy is replayed: it cannot fail or be late, but its choices can be valued.
    """
    coverage = list(_coverage(report, requirements, _TO_COVER[kind]))
    yield from coverage
    if any(finding.speaks != Speaks.GO_ON for finding in coverage):
        return  # what a broken mirror let through is not believed, whatever it says
    pairs = report.all
    yield at_least(pairs.coverage.paired, requirements.pairs, "pairs of stable and shadow decisions")
    if report.newest_pair is None or now - report.newest_pair > requirements.oldest_evidence:
        newest = "none" if report.newest_pair is None else f"of {report.newest_pair:%Y-%m-%d}"
        yield hold(f"The newest pair is {newest}, of at most {requirements.oldest_evidence.days} days; begin again.")
    if kind != "prompt":
        yield at_least(pairs.compared, requirements.pairs, "pairs in which both sides scored the same arms")
        yield from _sound(pairs.unsound, "shadow")
        yield _sense(pairs, requirements)
    if kind == "policy":
        yield value(report.value, requirements.exposures)
    else:
        yield errors(pairs.errors, requirements.error_margin, 1.0)
        yield from _latencies(pairs, requirements, 1.0)


def of_canary(report: CanaryReport, requirements: Requirements, *, next_share: float) -> Iterator[Finding]:
    """Judge a canary step by what the next one, with this share of the traffic, might cost."""
    yield at_least(report.errors.stable_of, requirements.decisions, "stable decisions")
    yield at_least(report.errors.candidate_of, requirements.decisions, "canary decisions")
    yield at_least(report.rewards.stable_of, requirements.exposures, "stable exposures whose window is over")
    yield at_least(report.rewards.candidate_of, requirements.exposures, "canary exposures whose window is over")
    yield _split(report, requirements)
    yield from _sound(report.unsound, "canary")
    yield errors(report.errors, requirements.error_margin, next_share)
    yield from _latencies(report, requirements, next_share)
    yield rewards(report.rewards, requirements.reward_margin, next_share)


def _coverage(report: ShadowReport, requirements: Requirements, remedy: str) -> Iterator[Finding]:
    wanted, confidence = requirements.coverage, requirements.confidence
    whole = report.all.coverage
    if not whole.expected:
        yield hold("The champion has decided nothing that the shadow might have answered.")
        return
    least = whole.share(confidence).low
    said = f"The shadow answered {whole.paired} of {whole.expected} requests"
    if least >= wanted:
        yield Finding(Speaks.GO_ON, f"{said}.")
    else:
        yield hold(f"{said}: {least:.2%} at the least, of {wanted:.2%}; {remedy}, or wait for more.")
    parts = {f"part {place} of {len(report.slices)} of the time": part for place, part in enumerate(report.slices, 1)}
    parts |= {f"the segment {name!r}": pairs.coverage for name, pairs in report.segments.items()}
    for where, part in parts.items():
        if part.expected and part.share(confidence).high < wanted:
            yield hold(f"The shadow answered {part.paired} of {part.expected} requests in {where}; {remedy}.")


def _latencies(report: Pairs | CanaryReport, requirements: Requirements, share: float) -> Iterator[Finding]:
    unnoticed = requirements.latency_unnoticed.total_seconds()
    yield latency("median", report.p50, requirements.latency_p50_ratio, unnoticed, share)
    yield latency("p95", report.p95, requirements.latency_p95_ratio, unnoticed, share)


def _sound(unsound: int, role: str) -> Iterator[Finding]:
    if unsound:
        said = f"{unsound} {role} decisions hold a score that is no number from 0 to 1: the model is broken."
        yield Finding(Speaks.ROLL_BACK, said)


def _sense(pairs: Pairs, requirements: Requirements) -> Finding:
    """Whether both models speak of the same thing. A better one differs, so this looks for nonsense alone."""
    (low, high), correlation = pairs.agreement, pairs.rank_correlation
    said = f"Both prefer one arm in {low:.0%} to {high:.0%} of the pairs"
    if correlation is not None:
        said += f", and their mean rank correlation is {correlation:.2f}"
    if high < requirements.agreement:
        return Finding(Speaks.ROLL_BACK, f"{said}: they agree on less than {requirements.agreement:.0%}.")
    if correlation is not None and correlation < requirements.rank_correlation:
        least = requirements.rank_correlation
        return Finding(Speaks.ROLL_BACK, f"{said}, below {least}: one of them has learned the opposite.")
    if low < requirements.agreement:
        return hold(f"{said}: whether they agree on {requirements.agreement:.0%} is inconclusive.")
    return Finding(Speaks.GO_ON, f"{said}.")


def _split(report: CanaryReport, requirements: Requirements) -> Finding:
    if report.sample_ratio is None:
        return hold("Nothing was decided since the step began.")
    counts = f"{report.decisions['canary']} canary and {report.decisions['stable']} stable decisions"
    if report.sample_ratio < requirements.sample_ratio_alarm:
        return hold(
            f"{counts} are no split at {report.percent} % (p {report.sample_ratio:.1g}): a side loses decisions, "
            "or the traffic is split otherwise."
        )
    return Finding(Speaks.GO_ON, f"{counts} are a split at {report.percent} % (p {report.sample_ratio:.2g}).")
