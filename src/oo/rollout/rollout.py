"""Where a subject's rollout stands: its transitions, folded."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from oo.registry.history import Recorded, Stage, Subject, Transition

_IN_FLIGHT: tuple[Stage, ...] = ("challenger", "shadow", "canary")


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the version in flight."""

    stage: Stage
    percent: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Rollout:
    """A subject as its history tells it. Nothing else is state: registry and traffic follow from this."""

    subject: Subject
    sequence: int = 0
    """Of the last transition, which the next is appended after; 0 when there is none."""
    version: str | None = None
    """The one that was spoken of last: the candidate, the newest champion, or what was rolled back."""
    steps: tuple[Step, ...] = ()
    """What that version has been since it was proposed, oldest first."""
    champions: tuple[str, ...] = ()
    """The champion and, before it, those to which it can be taken back."""
    digest: str | None = None
    """Of the artefact that was proposed."""
    feature_digest: str | None = None
    """Of the columns that it reads, as they were when it was proposed."""
    held: Transition | None = None
    """Somebody's word that the step shall not end yet."""

    @classmethod
    def of(cls, subject: Subject, recorded: Iterable[Recorded]) -> Self:
        """Fold the subject's transitions, oldest first."""
        rollout = cls(subject)
        for one in recorded:
            rollout = rollout.after(one)
        return rollout

    def after(self, recorded: Recorded) -> Self:
        """What a transition makes of it. One that repeats the step is a hold: the step's time runs on."""
        told = recorded.transition
        if self.candidate == told.version and (self.stage, self.percent) == (told.stage, told.percent):
            return replace(self, sequence=recorded.sequence, held=told)
        begins = told.version != self.version or self.candidate is None or told.stage == "challenger"
        step = Step(told.stage, told.percent, told.at)
        return replace(
            self,
            sequence=recorded.sequence,
            version=told.version,
            steps=(step,) if begins else (*self.steps, step),
            champions=self._champions_after(told),
            digest=told.digest if begins else self.digest,
            feature_digest=told.feature_digest if begins else self.feature_digest,
            held=None,
        )

    def _champions_after(self, told: Transition) -> tuple[str, ...]:
        if told.stage == "champion":
            return (*self.champions, told.version)
        if told.champion is None:
            return self.champions
        if told.champion in self.champions:
            return self.champions[: len(self.champions) - self.champions[::-1].index(told.champion)]
        return (*self.champions, told.champion)

    @property
    def stage(self) -> Stage | None:
        """What the version is; None without any history."""
        return self.steps[-1].stage if self.steps else None

    @property
    def percent(self) -> int:
        """The candidate's share of the traffic; 0 outside of canary."""
        return self.steps[-1].percent if self.steps else 0

    @property
    def since(self) -> datetime | None:
        """When the present step began."""
        return self.steps[-1].since if self.steps else None

    @property
    def started(self) -> datetime | None:
        """When the version was proposed."""
        return self.steps[0].since if self.steps else None

    @property
    def candidate(self) -> str | None:
        """The version in flight: a challenger, a shadow or a canary."""
        return self.version if self.stage in _IN_FLIGHT else None

    @property
    def withdrawn(self) -> bool:
        """Whether a candidate was just taken back, so that the champion stayed what it was."""
        return self.stage == "rolled_back" and len(self.steps) > 1

    @property
    def champion(self) -> str | None:
        """The version that serves."""
        return self.champions[-1] if self.champions else None

    @property
    def previous(self) -> str | None:
        """The champion before it, where a rollback of the champion goes."""
        return self.champions[-2] if len(self.champions) > 1 else None

    def first(self, stage: Stage) -> Step | None:
        """When the version became this for the first time."""
        return next((step for step in self.steps if step.stage == stage), None)
