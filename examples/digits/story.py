"""The digits bandit through the real services: a correct digit is completed, a wrong one dismissed."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from examples.caller import Caller, each
from examples.digits.rows import ARMS, Image
from oo.events.feedback import ReactionKind

_CANDIDATES = [{"tip_id": arm} for arm in ARMS]


@dataclass(frozen=True, slots=True)
class Answered:
    """One image's decision."""

    decision_id: str
    model_version: str
    reward: int


async def ask(caller: Caller, image: Image, request_id: str | None = None) -> dict[str, Any]:
    """The scorer's answer for an image; a new question when no request id is given."""
    return await caller.score(image.user_id, _CANDIDATES, context=image.context, request_id=request_id)


async def play(
    caller: Caller, images: Iterable[Image], *, at_once: int, advance: Callable[[], None] = lambda: None
) -> list[Answered]:
    """Ask for a digit for each image, show it, and react: the answers in the order of the images."""

    async def one(image: Image) -> Answered:
        answer = await ask(caller, image, image.request_id)
        right = answer["tip_id"] == image.right_arm
        reaction = ReactionKind.COMPLETED if right else ReactionKind.DISMISSED
        await caller.show(image.user_id, answer["decision_id"], answer["tip_id"], reaction)
        advance()
        return Answered(answer["decision_id"], answer["model"]["version"], int(right))

    return await each(images, one, at_once)


async def keep_asking(caller: Caller, image: Image, until: asyncio.Event) -> list[str]:
    """Ask again and again until told to stop: the model version of each answer. A failed request raises.

    Nothing is shown, so these decisions earn no reward and train nothing.
    """
    versions = []
    while not until.is_set():
        answer = await ask(caller, image)
        versions.append(answer["model"]["version"])
        await asyncio.sleep(0.02)
    return versions
