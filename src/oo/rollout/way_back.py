"""What a rollback takes out of the traffic."""

from dataclasses import dataclass

from oo.errors import RolloutRefused
from oo.rollout.rollout import Rollout


@dataclass(frozen=True, slots=True)
class WayBack:
    """A version out of the traffic."""

    version: str
    champion: str | None
    """What serves then."""


def way_back(rollout: Rollout, version: str | None) -> WayBack | None:
    """What to take back first; None when that is done.

    Args:
        rollout: where it stands.
        version: what to take back in the end; None for what gets traffic and came last.

    Raises:
        RolloutRefused: there is no such version on trial or serving, or nothing to go back to.
    """
    name, candidate, champion, previous = rollout.subject.name, rollout.candidate, rollout.champion, rollout.previous
    on_trial = candidate if rollout.stage in ("shadow", "canary") else None
    if rollout.stage == "rolled_back" and version in (None, rollout.version):
        return None
    wanted = version or on_trial or (champion if previous else candidate)
    if wanted is not None and wanted == candidate:
        return WayBack(candidate, champion)
    if wanted is None or wanted != champion:
        asked = f"{name} {wanted}" if wanted else f"no version of {name}"
        raise RolloutRefused(f"{asked} is neither on trial nor a champion with one before it")
    if previous is None:
        raise RolloutRefused(f"{name} {champion} is the first champion; there is nothing to go back to")
    return WayBack(on_trial, champion) if on_trial else WayBack(champion, previous)
