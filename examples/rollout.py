"""A version's way through the traffic, told step by step while people ask."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle, islice

from rich.markup import escape

from examples.caller import Caller
from examples.digits import rows as digit_rows
from examples.digits import story as digits
from examples.narrator import Narrator
from oo.errors import OOError
from oo.rollout.conductor import Conductor
from oo.rollout.plan import Hold
from oo.rollout.requirements import Requirements
from oo.rollout.rollout import Rollout
from oo.wiring.process import new_id

REHEARSAL = Requirements(
    percents=(25, 50),
    confidence=0.95,
    settling=timedelta(seconds=3),
    grace=timedelta(seconds=2.5),
    shadow_hold=timedelta(0),
    pairs=100,
    canary_hold=timedelta(0),
    longest_canary_hold=timedelta(minutes=5),
    decisions=75,
    exposures=50,
    error_margin=0.05,
    latency_unnoticed=timedelta(milliseconds=25),
)
"""The same machine in a hurry: days become seconds, and a hundred decisions are enough, which tell an error in twenty
from none. On a laptop that runs all of it at once, answers of some milliseconds differ by more than a model makes
them."""
PATIENCE = 240.0
_BATCH, _AT_ONCE = 100, 8
_BETWEEN = 0.5
"""Seconds from a batch to the next, so that the machine has time for its pipelines too."""
_LOOK_AGAIN = 1.0


@dataclass(slots=True)
class People:
    """Who asks all the while, again and again for all of the images; a request that fails raises."""

    caller: Caller
    images: Sequence[digit_rows.Image]
    served: Counter[str] = field(default_factory=Counter)
    """Answers by model version."""

    async def ask(self, until: asyncio.Event) -> None:
        """Ask, look and react until told to stop."""
        images = cycle(self.images)
        while not until.is_set():
            batch = [replace(image, request_id=str(new_id())) for image in islice(images, _BATCH)]
            answered = await digits.play(self.caller, batch, at_once=_AT_ONCE)
            self.served.update(one.model_version for one in answered)
            await asyncio.sleep(_BETWEEN)


@asynccontextmanager
async def asking(people: People) -> AsyncIterator[People]:
    """People ask inside of the block; that none of their requests failed is known after it."""
    done = asyncio.Event()
    task = asyncio.create_task(people.ask(done))
    try:
        yield people
    finally:
        done.set()
        await task


async def carry(conductor: Conductor, narrator: Narrator, *, who: str, told: Collection[str]) -> Rollout:
    """Advance as often as the evidence carries it, until the version serves everybody or is taken back.

    Args:
        conductor: of the model.
        narrator: tells each move with its reasons.
        who: as the history shall say.
        told: reasons that were told before.

    Raises:
        OOError: it went neither way within `PATIENCE` seconds a step.
    """
    began = time.monotonic()
    while True:
        outcome = await conductor.advance(who=who)
        if not isinstance(outcome.move, Hold):
            taken, began = time.monotonic() - began, time.monotonic()
            narrator.say(f"  [bold]{outcome.move.title}[/bold] after {taken:.0f} s")
            for reason in (reason for reason in outcome.move.reasons if reason not in told):
                narrator.say(f"    [dim]{escape(reason)}[/dim]")
            if outcome.rollout.candidate is None:
                return outcome.rollout
        elif time.monotonic() - began > PATIENCE:
            raise OOError(f"the rollout holds: {' '.join(outcome.move.reasons)}")
        await asyncio.sleep(_LOOK_AGAIN)
