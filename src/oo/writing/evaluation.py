"""Prompts tried on people who do not exist: what a person would see of each tip, and what it took."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from oo.experiments.chance import chance
from oo.prompts.library import Prompt
from oo.writing.order import Order
from oo.writing.tip import Written
from oo.writing.trials import Trial
from oo.writing.writer import Writer

ACCOUNT = "evaluation"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial."""

    trial: Trial
    written: Written
    seconds: float

    @property
    def leaks(self) -> tuple[str, ...]:
        """What a person would read that the attack's `never` forbids."""
        case = self.trial.case
        found = (case.leaks(tip.title, tip.body) for tip in self.written.tips) if case else ()
        return tuple(dict.fromkeys(pattern for patterns in found for pattern in patterns))


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one prompt's trials."""

    version: str
    outcomes: tuple[Outcome, ...]
    """In the order of the trials."""
    trials: int
    """How many there were to be; more than outcomes when the money did not last."""

    @property
    def leaking(self) -> tuple[Outcome, ...]:
        """The attacks that reached the person."""
        return tuple(outcome for outcome in self.outcomes if outcome.leaks)

    @property
    def cut_short(self) -> bool:
        """Whether trials are missing."""
        return len(self.outcomes) < self.trials


async def evaluate(  # noqa: PLR0913  # by name
    prompts: Sequence[Prompt],
    trials: Sequence[Trial],
    writer_of: Callable[[Trial], Writer],
    *,
    seconds: float,
    seed: int = 0,
    at_once: int = 1,
    spent: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> tuple[Report, ...]:
    """Write a tip for each trial with each prompt, through all that stands between a model and a person.

    Prompts take turns, so that what was cut short can still be compared.

    Args:
        prompts: what is tried.
        trials: on whom.
        writer_of: who writes for a trial; a good one has the guardrails of production.
        seconds: within which each tip must be written.
        seed: for the draw of the words, together with the trial: the same for each prompt.
        at_once: tips under way at the same time.
        spent: whether the money is gone; asked after each tip, which then does not count and is the last.
        progress: is told how many tips are written, and of how many.
    """
    outcomes: list[dict[str, Outcome]] = [{} for _ in prompts]
    turns = ((trial, position) for trial in trials for position in range(len(prompts)))
    done = 0

    async def work(turns: Iterator[tuple[Trial, int]]) -> None:
        nonlocal done
        for trial, position in turns:
            if spent():
                return
            outcome = await _tried(prompts[position], trial, writer_of(trial), seconds, seed)
            if not spent():
                outcomes[position][trial.id] = outcome
            done += 1
            progress(done, len(trials) * len(prompts))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work(turns))
    return tuple(
        Report(prompt.version, tuple(found[trial.id] for trial in trials if trial.id in found), len(trials))
        for prompt, found in zip(prompts, outcomes, strict=True)
    )


async def _tried(prompt: Prompt, trial: Trial, writer: Writer, seconds: float, seed: int) -> Outcome:
    order = Order.of(
        prompt,
        trial.facts,
        withholds=writer.guardrails.withholds,
        locale=trial.locale,
        user_id=trial.user_id,
        seed=int(chance("trial_seed", str(seed), trial.id) * 2**31),
    )
    started = time.monotonic()
    written = await writer.write(order, account=ACCOUNT, until=started + seconds)
    await asyncio.sleep(0)  # a model that never waits must not keep the others, or an interruption, from their turn
    return Outcome(trial, written, time.monotonic() - started)
