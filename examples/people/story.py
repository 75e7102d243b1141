"""A few invented people: their signals are folded, a tip is written for each, and one is chosen for each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from examples.caller import Caller
from oo.events.feedback import ReactionKind

TENANT = "example"
_FIXTURES = Path(__file__).parent / "people.yaml"


@dataclass(frozen=True, slots=True)
class Visit:
    """What one person got."""

    user_id: str
    title: str
    prompt_version: str
    chosen_tip: str
    propensity: float
    decision_id: str


def fixtures() -> dict[str, Any]:
    """The tips and the people of people.yaml."""
    loaded: dict[str, Any] = yaml.safe_load(_FIXTURES.read_text(encoding="utf-8"))
    return loaded


async def tell_signals(caller: Caller) -> int:
    """Publish everybody's signals; gives how many."""
    told = 0
    for person in fixtures()["people"]:
        for signal in person["signals"]:
            await caller.tell(person["user_id"], **signal)
            told += 1
    return told


async def visit(caller: Caller) -> list[Visit]:
    """Write a tip and choose a tip for everybody, show both, and react as the fixtures say."""
    told = fixtures()
    visits = []
    for person in told["people"]:
        user, profile = person["user_id"], person["profile"]
        version = {"prompt_version": person["prompt_version"]} if "prompt_version" in person else {}
        written = await caller.generate(
            user, profile_features=profile, topic=person["topic"], locale=person["locale"], **version
        )
        chosen = await caller.score(
            user, told["tips"], context={"hour_of_day": caller.now().hour, "weekend": False}, profile=profile
        )
        reaction = ReactionKind(person["reaction"]) if person["reaction"] else None
        await caller.show(user, written["decision_id"], written["tip"]["tip_id"], reaction)
        await caller.show(user, chosen["decision_id"], chosen["tip_id"], reaction)
        visits.append(
            Visit(
                user,
                written["tip"]["title"],
                written["prompt_version"],
                chosen["tip_id"],
                chosen["propensity"],
                chosen["decision_id"],
            )
        )
    return visits
