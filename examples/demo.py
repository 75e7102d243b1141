"""`make demo`: the whole loop on real data, told as a short story with numbers."""

import asyncio
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examples.caller import Caller, calling, is_drained
from examples.digits import rows as digit_rows
from examples.digits import story as digits
from examples.narrator import Narrator
from examples.open_bandit import rows as bandit_rows
from examples.open_bandit import story as open_bandit
from examples.people import story as people
from oo import catalog as catalogs
from oo.errors import OOError, PipelineFailed
from oo.experiments.off_policy import Bootstrap, ips, snips
from oo.experiments.sample_ratio import sample_ratio_p_value
from oo.local import stack
from oo.local.locations import pipeline_settings
from oo.local.settings import StackSettings
from oo.printing import columns, lineage_tree, rate
from oo.rewards import database, queries
from oo.settings import PipelineSettings
from oo.training.challenge import Outcome
from oo.wiring.lineage import tracing
from oo.wiring.process import new_id, now
from pipelines.train import run_locally

AT_ONCE = 16
SEED = 20_191_124
RETRAINED_AFTER = (600, 1_200)
COMPARED = 300
PIPELINE_STEPS = 4
PATIENCE = 60.0


class Demo:
    """The chapters, in order."""

    def __init__(self, narrator: Narrator, settings: PipelineSettings, caller_of: Callable[[str], Caller]) -> None:
        self._narrator = narrator
        self._settings = settings
        self._caller_of = caller_of
        self._scores = database.connect(settings.tip_scores_url)

    async def tell(self) -> None:
        """All chapters."""
        await self._example_people()
        followed = await self._digits()
        await self._open_bandit()
        await self._ending(followed)

    async def _example_people(self) -> None:
        narrator, caller = self._narrator, self._caller_of(people.TENANT)
        narrator.chapter("Example people: invented, so no figure is claimed for them")
        told = await people.tell_signals(caller)
        await self._until(lambda: is_drained(caller.jetstream, "signals"))
        narrator.say(f"{told} signals and integrations were published and folded into features.")
        for visit in await people.visit(caller):
            narrator.say(
                f"  {visit.user_id}: prompt {visit.prompt_version} wrote “{escape(visit.title)}”, "
                f"tips@1 chose {visit.chosen_tip} (propensity {visit.propensity:.2f})"
            )

    async def _digits(self) -> str:
        narrator, caller = self._narrator, self._caller_of(digit_rows.TENANT)
        images = list(digit_rows.images(SEED))
        narrator.chapter(f"Digits: {len(images):,} real images, ten arms, reward 1 for the right digit")
        answered: list[digits.Answered] = []
        for phase, end in enumerate((*RETRAINED_AFTER, len(images))):
            batch = images[len(answered) : end]
            with narrator.progress(f"images {len(answered) + 1} to {end}", len(batch)) as advance:
                answered += await digits.play(caller, batch, at_once=AT_ONCE, advance=advance)
            narrator.say(f"  {_share(answered[-len(batch) :])} with model version {_versions(answered[-len(batch) :])}")
            if phase < len(RETRAINED_AFTER):
                await self._until_matured(digit_rows.TENANT, len(answered))
                await self._retrain_while_serving(caller, images[0])
        first, last = answered[:COMPARED], answered[-COMPARED:]
        narrator.say(
            f"\nReward rate, uniform would be 0.100:  first {COMPARED} decisions {_share(first)}, "
            f"last {COMPARED} decisions [bold]{_share(last)}[/bold]"
        )
        return answered[0].decision_id

    async def _retrain_while_serving(self, caller: Caller, image: digit_rows.Image) -> None:
        done = asyncio.Event()
        asking = asyncio.create_task(digits.keep_asking(caller, image, done))
        outcome = await self._train("digits@1")
        if outcome and outcome.promoted:
            promoted = str(outcome.challenger.version)
            await self._until(lambda: _serves(caller, image, promoted))
        done.set()
        versions = await asking
        self._narrator.say(
            f"  Meanwhile {len(versions)} requests were answered, none failed, by model version "
            f"{' then '.join(dict.fromkeys(versions))}: the scorer took the new champion without a restart."
        )

    async def _train(self, feature_service: str) -> Outcome | None:
        """What became of the challenger; None when there was too little to train one, which the story tells."""
        try:
            with self._narrator.progress(f"pipeline trains {feature_service}", PIPELINE_STEPS) as advance:
                outcome = await asyncio.to_thread(
                    run_locally, self._settings, feature_service, as_of=now(), seed=SEED, on_step=lambda _: advance()
                )
        except PipelineFailed as refusal:
            self._narrator.say(f"  refused: {escape(str(refusal))}")
            return None
        for sentence in outcome.sentences:
            self._narrator.say(f"  {escape(sentence)}")
        return outcome

    async def _open_bandit(self) -> None:
        narrator, caller = self._narrator, self._caller_of(bandit_rows.TENANT)
        narrator.chapter("Open Bandit: 10,000 real choices among 34 items, logged by a uniformly random policy")
        with narrator.progress("log replayed as /score calls", 10_000) as advance:
            replayed = await open_bandit.replay(caller, bandit_rows.choices(), at_once=AT_ONCE, advance=advance)
        clicks = sum(row.clicked for row in replayed)
        matched = [row.clicked for row in replayed if row.matched]
        clicked = [float(row.clicked) for row in replayed]
        logged = [row.logged_propensity for row in replayed]
        ours = [row.probability for row in replayed]
        table = columns("click rate of", "from", "rate", "95 % interval")
        table.add_row("the log", f"{len(replayed):,} rows, clicks: {clicks}", *rate(clicks, len(replayed)))
        table.add_row(
            "the scorer, replayed", f"{len(matched)} matches, clicks: {sum(matched)}", *rate(sum(matched), len(matched))
        )
        for name, estimate in (("weighted", ips), ("self-normalised", snips)):
            valued = estimate(clicked, logged, ours, Bootstrap(np.random.default_rng(SEED)))
            table.add_row(
                f"the scorer, {name}",
                f"all rows, worth {valued.effective_sample_size:,.0f}",
                f"{valued.value:.4f}",
                f"{valued.interval.low:.4f} to {valued.interval.high:.4f}",
            )
        narrator.show(table)
        narrator.say(f"{clicks} clicks cannot tell the scorer and the random policy apart, so nothing is claimed.")
        narrator.say(self._split(replayed))
        await self._until_matured(bandit_rows.TENANT, len(matched))
        await self._train("open_bandit@1")

    def _split(self, replayed: Sequence[open_bandit.Replayed]) -> str:
        experiment = catalogs.load(self._settings.catalog).tenant(bandit_rows.TENANT).experiment
        assert experiment is not None  # noqa: S101  # its catalog file declares one
        shares = {variant.name: variant.share for variant in experiment.variants}
        split = Counter(row.variant for row in replayed)
        sides = ", ".join(f"{name} {split[name]:,} ({share:.0%} planned)" for name, share in shares.items())
        return (
            f"Experiment {experiment.name}: {sides}, p = {sample_ratio_p_value(split, shares):.3f} (alarm below 0.001)."
        )

    async def _ending(self, followed: str) -> None:
        narrator = self._narrator
        narrator.chapter("What happened")
        counts = queries.counts(self._scores, now())
        narrator.say(
            f"{counts.decisions:,} decisions served, {counts.exposed:,} exposed, {counts.reacted:,} reactions joined "
            f"({counts.late} late), {counts.degraded} degraded, {counts.unjoined} feedback events without a decision."
        )
        for grouping in ("policy", "prompt_version"):
            narrator.show(self._reward_rates(grouping))
        narrator.chapter("One decision, link by link")
        narrator.say(f"[dim].venv/bin/oo decision show {followed}[/dim]")
        async with tracing(self._settings) as tracer:
            narrator.show(lineage_tree(await tracer.trace(followed)))

    def _reward_rates(self, by: queries.Grouping) -> Table:
        table = columns("tenant", by, "exposures", "rewards", "rate", "95 % interval")
        for tenant in (digit_rows.TENANT, bandit_rows.TENANT, people.TENANT):
            for group in queries.reward_rates(self._scores, by, now(), tenant):
                claimed = (
                    ("invented", "not claimed") if tenant == people.TENANT else rate(group.reward_sum, group.exposures)
                )
                table.add_row(tenant, "@".join(group.group), f"{group.exposures}", f"{group.reward_sum:.0f}", *claimed)
        return table

    async def _until_matured(self, tenant: str, exposed: int) -> None:
        async def matured() -> bool:
            counts = await asyncio.to_thread(queries.counts, self._scores, now(), tenant)
            return counts.exposed >= exposed and counts.open == 0

        await self._until(matured)

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await holds():
            if time.monotonic() > deadline:
                raise OOError(f"nothing came of it within {PATIENCE:.0f} s; `make logs` shows what the consumers say")
            await asyncio.sleep(0.1)


async def _serves(caller: Caller, image: digit_rows.Image, version: str) -> bool:
    answer = await digits.ask(caller, image)
    return bool(answer["model"]["version"] == version)


def _share(answered: Sequence[digits.Answered]) -> str:
    return f"{sum(one.reward for one in answered) / len(answered):.3f}"


def _versions(answered: Sequence[digits.Answered]) -> str:
    return ", ".join(sorted({one.model_version for one in answered}))


def _put_aside(state: Path) -> Path | None:
    """The folder that an earlier run's state was moved to: the story begins with people of whom nothing is known."""
    if not state.exists():
        return None
    aside = state.with_name(f"{state.name}.previous")
    shutil.rmtree(aside, ignore_errors=True)
    state.rename(aside)
    return aside


async def _tell(narrator: Narrator, stack_settings: StackSettings) -> None:
    settings = pipeline_settings(stack_settings, overrides={})
    async with calling(stack_settings, now=now, new_id=new_id) as caller_of:
        await Demo(narrator, settings, caller_of).tell()


def main() -> int:
    """Tell the story; the stack stays up."""
    narrator = Narrator(Console())
    settings = StackSettings()
    started = time.monotonic()
    try:
        narrator.chapter("The stack")
        stack.down(settings, narrator.note)
        if aside := _put_aside(settings.state_dir):
            narrator.say(f"The state of an earlier run was moved to {aside}.")
        stack.up(settings, narrator.note)
        narrator.say(f"Healthy after {time.monotonic() - started:.0f} s.")
        asyncio.run(_tell(narrator, settings))
    except OOError as error:
        narrator.say(f"[red]{escape(str(error))}[/red]")
        return 1
    narrator.chapter(f"The stack keeps running (the story took {time.monotonic() - started:.0f} s)")
    for process in stack.status(settings):
        if process.url:
            narrator.say(f"  {process.name:<10} {process.url}")
    narrator.say(
        "\nTry .venv/bin/oo with `decision show ID`, `rewards policy` or `model list`; `make down` ends the stack."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
