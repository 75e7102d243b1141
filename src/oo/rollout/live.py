"""What was live at a moment, and on whose word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oo.registry.history import History, Recorded, Subject, Transition
from oo.rollout.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Live:
    """A version that got requests."""

    subject: Subject
    version: str
    stage: Literal["champion", "canary", "shadow"]
    """What it was to them: a shadow answered copies, and its answers were thrown away."""
    percent: int
    """A canary's share of the requests; else 0."""
    by: Transition | None
    """What made it so; None for a champion that served before anything was recorded."""


async def live_at(history: History, moment: datetime, subjects: Iterable[Subject]) -> Sequence[Live]:
    """What was live of these at this moment, in their order: each one's champion, then the canary or shadow beside it.

    Raises:
        HistoryUnreachable: the history does not tell.
    """
    return [one for subject in subjects for one in _live(subject, await history.of(subject, until=moment))]


def _live(subject: Subject, recorded: Iterable[Recorded]) -> Iterable[Live]:
    rollout = Rollout(subject)
    crowned = stepped = None
    for one in recorded:
        before, rollout = rollout, rollout.after(one)
        if rollout.champion != before.champion:
            crowned = one.transition if before.champion or one.transition.stage == "champion" else None
        if rollout.steps != before.steps:  # else it is a hold
            stepped = one.transition
    if rollout.champion:
        yield Live(subject, rollout.champion, "champion", 0, crowned)
    if rollout.candidate and stepped and (rollout.stage == "canary" or rollout.stage == "shadow"):  # noqa: PLR1714  # mypy
        yield Live(subject, rollout.candidate, rollout.stage, rollout.percent, stepped)
