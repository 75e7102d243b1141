"""The state machine: where a rollout goes from here, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from oo.rollout.canary_report import CanaryReport
from oo.rollout.evidence import Artefact, Evidence
from oo.rollout.finding import Finding, Speaks, hold
from oo.rollout.judgement import of_canary, of_shadow
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.rollout.shadow_report import ShadowReport

Reasons = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advance:
    """The evidence carries the next step."""

    stage: Literal["shadow", "canary", "champion"]
    percent: int
    reasons: Reasons

    @property
    def title(self) -> str:
        """What is done, in a word or two."""
        return f"on to {self.stage}{f' {self.percent} %' if self.percent else ''}"


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing changes: something is missing, too little or cannot be told."""

    reasons: Reasons
    title = "holds"


@dataclass(frozen=True, slots=True)
class RollBack:
    """The candidate is worse, or has been on trial for too long."""

    reasons: Reasons
    title = "rolled back"


Move = Advance | Hold | RollBack


def plan(rollout: Rollout, evidence: Evidence | None, requirements: Requirements, now: datetime) -> Move:
    """Where the rollout goes: to the next step, nowhere, or back.

    The worst finding decides. What is missing, old, inconclusive or about another artefact holds; a canary that is held
    for too long goes back, whatever is known of it.

    Args:
        rollout: where it stands.
        evidence: what was found out, None when nothing was.
        requirements: what the step asks for.
        now: the time of the decision.
    """
    if rollout.candidate is None or rollout.since is None:
        return Hold((f"No version of {rollout.subject.name} is being rolled out; propose one.",))
    doubts = tuple(_identity(rollout, evidence, requirements, now)) if evidence else (hold("There is no evidence."),)
    findings = [*doubts, *_time(rollout, requirements, now)]
    stage, percent = next_step(rollout, requirements)
    # Figures of something else say nothing of this candidate, not even that it is bad.
    if evidence is not None and not doubts:
        findings += _of_stage(rollout, evidence, requirements, percent, now)
    worst = max(finding.speaks for finding in findings)
    reasons = tuple(finding.sentence for finding in findings if finding.speaks == worst)
    if worst == Speaks.ROLL_BACK:
        return RollBack(reasons)
    return Hold(reasons) if worst == Speaks.HOLD else Advance(stage, percent, reasons)


def next_step(rollout: Rollout, requirements: Requirements) -> tuple[Literal["shadow", "canary", "champion"], int]:
    """The stage and percent after the present one."""
    if rollout.stage == "challenger":
        return "shadow", 0
    percent = requirements.percent_after(rollout.percent)
    return ("champion", 0) if percent is None else ("canary", percent)


def _identity(rollout: Rollout, evidence: Evidence, requirements: Requirements, now: datetime) -> Iterator[Finding]:
    """What makes all of the evidence worthless for this candidate."""
    if rollout.champion is None:
        yield hold("No champion serves that it could be compared with.")
    if evidence.version != rollout.candidate:
        yield hold(f"The evidence is about version {evidence.version}, not about {rollout.candidate}.")
    if now - evidence.collected_at > requirements.oldest_evidence:
        yield hold(f"The evidence was collected on {evidence.collected_at:%Y-%m-%d}; collect it again.")
    if evidence.artefact is None:
        yield hold("The artefact that would be shipped could not be read.")
        yield from map(hold, evidence.unreachable)
        return
    yield from _artefact(rollout, evidence.artefact, evidence.served_feature_digest)
    for report in (evidence.shadow, evidence.canary):
        if report is not None:
            yield from _reported(rollout, report, evidence.artefact)


def _artefact(rollout: Rollout, artefact: Artefact, served: str | None) -> Iterator[Finding]:
    if artefact.digest != rollout.digest:
        yield hold(f"The artefact is {artefact.digest[:12]}, proposed was {(rollout.digest or 'none')[:12]}.")
    if artefact.feature_digest != rollout.feature_digest:
        yield hold("The artefact reads other columns than when it was proposed; propose it again.")
    if artefact.feature_digest != served:
        yield hold("The artefact reads other columns than serving encodes now; train it again.")


def _reported(rollout: Rollout, report: ShadowReport | CanaryReport, artefact: Artefact) -> Iterator[Finding]:
    if (report.candidate, report.champion) != (rollout.candidate, rollout.champion):
        yield hold(
            f"A report compares {report.candidate} with {report.champion}, "
            f"not {rollout.candidate} with {rollout.champion}."
        )
    step = rollout.first("shadow") if isinstance(report, ShadowReport) else rollout.steps[-1]
    if step is None or report.since < step.since:
        yield hold(f"A report begins on {report.since:%Y-%m-%d %H:%M}, before the step that it is about.")
    if strangers := report.digests.keys() - {artefact.digest}:
        named = ", ".join(sorted(digest[:12] or "none" for digest in strangers))
        yield hold(f"The candidate's decisions were made with another artefact ({named}).")


def _time(rollout: Rollout, requirements: Requirements, now: datetime) -> Iterator[Finding]:
    """How long the present step has taken, and must and may take."""
    if rollout.since is None:
        return
    taken = now - rollout.since
    if rollout.held is not None:
        yield hold(f"{rollout.held.who} holds it: {rollout.held.why}")
    if rollout.stage == "canary" and taken > requirements.longest_canary_hold:
        at_most = requirements.longest_canary_hold
        yield Finding(
            Speaks.ROLL_BACK, f"It has been a canary at {rollout.percent} % for {_told(taken)}, of at most {at_most}."
        )
    holds = {"shadow": requirements.shadow_hold, "canary": requirements.canary_hold}
    wanted = holds.get(rollout.stage or "")
    if wanted is not None:
        speaks = Speaks.GO_ON if taken >= wanted else Speaks.HOLD
        yield Finding(speaks, f"It has been {_named(rollout)} for {_told(taken)}, of at least {wanted}.")


def _of_stage(
    rollout: Rollout, evidence: Evidence, requirements: Requirements, percent: int, now: datetime
) -> Iterator[Finding]:
    """What the present stage is asked for, before the next percent; 0 is the champion's place."""
    yield from map(hold, evidence.unreachable)
    yield from _conditions(evidence)
    if rollout.stage == "challenger":
        return
    if evidence.shadow is None:
        yield hold("There is no shadow report.")
    else:
        yield from of_shadow(evidence.shadow, requirements, now, rollout.subject.kind)
    if rollout.stage == "canary":
        if evidence.canary is None or evidence.canary.percent != rollout.percent:
            yield hold(f"There is no report of the canary at {rollout.percent} %.")
        else:
            yield from of_canary(evidence.canary, requirements, next_share=1.0 if percent == 0 else percent / 100)


def _conditions(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.conditions:
        yield hold("No gate has judged the candidate.")
    for condition in evidence.conditions:
        yield Finding(Speaks.GO_ON if condition.met else Speaks.HOLD, condition.sentence)


def _named(rollout: Rollout) -> str:
    return f"a canary at {rollout.percent} %" if rollout.stage == "canary" else f"a {rollout.stage}"


def _told(taken: timedelta) -> str:
    return str(timedelta(seconds=int(taken.total_seconds())))
