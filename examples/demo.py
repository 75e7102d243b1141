"""`make demo`: the whole loop on real data, told as a short story with numbers."""

import asyncio
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

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
from examples.people import story as people_story
from examples.rollout import REHEARSAL, People, asking, carry
from oo import catalog as catalogs
from oo.errors import OOError
from oo.events.feedback import ReactionKind
from oo.experiments.off_policy import Bootstrap, ips, snips
from oo.experiments.sample_ratio import sample_ratio_p_value
from oo.local import stack
from oo.local.locations import pipeline_settings
from oo.local.settings import StackSettings
from oo.local.traffic import LocalTraffic
from oo.printing import columns, lineage_tree, rate
from oo.rewards import database, queries
from oo.rollout.conductor import Conductor
from oo.rollout.rollout import Rollout
from oo.settings import PipelineSettings
from oo.training.verdict import Outcome
from oo.wiring.lineage import tracing
from oo.wiring.process import new_id, now
from oo.wiring.rollout import conducting
from pipelines import runs
from pipelines.runs import Training

AT_ONCE = 16
SEED = 20_191_124
LEARNED_FROM = 1_500
COMPARED = 300
PIPELINE_STEPS = 7
PATIENCE = 60.0
_TURN_AROUND = "UPDATE tip_scores SET reaction = CASE reaction WHEN ? THEN ? WHEN ? THEN ? END"


class Demo:
    """The chapters, in order."""

    def __init__(self, narrator: Narrator, stack: StackSettings, caller_of: Callable[[str], Caller]) -> None:
        self._narrator = narrator
        self._stack = stack
        self._settings = pipeline_settings(stack, overrides={}).model_copy(update={"rollout": REHEARSAL})
        self._caller_of = caller_of
        self._scores = database.connect(self._settings.tip_scores_url)
        self._heard = False

    async def tell(self) -> None:
        """All chapters."""
        await self._example_people()
        followed = await self._digits()
        await self._open_bandit()
        await self._ending(followed)

    async def _example_people(self) -> None:
        narrator, caller = self._narrator, self._caller_of(people_story.TENANT)
        narrator.chapter("Example people: invented, so no figure is claimed for them")
        told = await people_story.tell_signals(caller)
        await self._until(lambda: is_drained(caller.jetstream, "signals"))
        narrator.say(f"{told} signals and integrations were published and folded into features.")
        for visit in await people_story.visit(caller):
            narrator.say(
                f"  {visit.user_id}: prompt {visit.prompt_version} wrote “{escape(visit.title)}”, "
                f"tips@1 chose {visit.chosen_tip} (propensity {visit.propensity:.2f})"
            )

    async def _digits(self) -> str:
        narrator, caller = self._narrator, self._caller_of(digit_rows.TENANT)
        images = list(digit_rows.images(SEED))
        narrator.chapter(f"Digits: {len(images):,} real images, ten arms, reward 1 for the right digit")
        first = await self._play("the prior knows nothing", images[:LEARNED_FROM])
        await self._until_matured(digit_rows.TENANT, len(first))
        people = People(caller, images)
        async with conducting(self._settings, "digits", LocalTraffic(self._stack)) as conductor:
            learned_until = now()
            await self._better(conductor, people, learned_until)
            await self._worse(conductor, people, learned_until)
            asked_again = [replace(image, request_id=str(new_id())) for image in images[-COMPARED:]]
            last = await self._play("the new champion", asked_again)
            narrator.say(
                f"\nReward rate, uniform would be 0.100:  {len(first)} decisions before {_share(first)}, "
                f"{len(last)} decisions now [bold]{_share(last)}[/bold]"
            )
            await self._back(conductor, people)
            narrator.say("\n[dim].venv/bin/oo model history digits[/dim]")
            for told in (one.transition for one in await conductor.history.of(conductor.subject)):
                became = f"{told.stage.replace('_', ' ')}{f' {told.percent} %' if told.percent else ''}"
                narrator.say(f"  {told.at:%H:%M:%S}  digits {told.version} {became:<12}  [dim]{escape(told.why)}[/dim]")
        return first[0].decision_id

    async def _play(self, what: str, images: Sequence[digit_rows.Image]) -> list[digits.Answered]:
        with self._narrator.progress(f"{len(images)} images, {what}", len(images)) as advance:
            return await digits.play(self._caller_of(digit_rows.TENANT), images, at_once=AT_ONCE, advance=advance)

    async def _better(self, conductor: Conductor, people: People, as_of: datetime) -> None:
        """A challenger goes through its trial while people ask."""
        outcome = await self._train("digits@1", self._settings, as_of)
        if not outcome.proposed:
            raise OOError("the challenger of this story should have passed its gates")
        self._narrator.say("\n[dim].venv/bin/oo rollout advance digits[/dim], again and again while people ask:")
        rollout = await self._trial(conductor, people, outcome)
        if rollout.champion != str(outcome.challenger.version):
            raise OOError("the challenger of this story should have become the champion; is the machine very busy?")
        self._narrator.say(
            f"  Meanwhile {people.served.total():,} requests were answered and none failed, "
            f"by model version {_counts(people.served)}."
        )

    async def _worse(self, conductor: Conductor, people: People, as_of: datetime) -> None:
        """A challenger learns from rewards that a mistake has turned around, which no gate can know."""
        narrator = self._narrator
        narrator.say("\nNow a mistake in the reward join: 0 for every 1. The gates judge by the same rewards.")
        with _turned_around(self._settings) as settings:
            outcome = await self._train("digits@1", settings, as_of)
        if not outcome.proposed:
            return
        rollout = await self._trial(conductor, people, outcome)
        if rollout.champion == str(outcome.challenger.version):
            raise OOError("a model that has learned the opposite must not become the champion")
        narrator.say(
            f"  Of {people.served.total():,} people who asked meanwhile, "
            f"{people.served[str(outcome.challenger.version)]} saw an answer of it."
        )

    async def _trial(self, conductor: Conductor, people: People, outcome: Outcome) -> Rollout:
        people.served.clear()
        told = {reason.sentence for reason in outcome.verdict.reasons}
        async with asking(people):
            return await carry(conductor, self._narrator, who="make demo", told=told)

    async def _back(self, conductor: Conductor, people: People) -> None:
        champion = (await conductor.status()).champion
        self._narrator.say(f"\n[dim].venv/bin/oo rollout rollback digits --version {champion} --why rehearsal[/dim]")
        people.served.clear()
        async with asking(people):
            began = time.monotonic()
            rollout = await conductor.rollback(who="make demo", why="A rehearsal.", version=champion)
            await self._until(lambda: _served(people, str(rollout.champion)))
            taken, answered = time.monotonic() - began, people.served.total()
        self._narrator.say(
            f"  {taken:.1f} s later digits {rollout.champion} serves again; {answered} requests were answered in that "
            "time, none failed."
        )

    async def _train(self, feature_service: str, settings: PipelineSettings, as_of: datetime) -> Outcome:
        asked = Training(feature_service, as_of, seed=SEED)
        with self._narrator.progress(f"pipeline trains {feature_service}", PIPELINE_STEPS) as advance:
            outcome = await asyncio.to_thread(runs.train, settings, asked, on_step=lambda _: advance())
        self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        """What the gates said: all of it for the first time, then what they refuse."""
        refused = [reason.sentence for reason in outcome.verdict.reasons if not reason.passed]
        if not self._heard:
            said = outcome.verdict.sentences
        else:
            said = tuple(refused) or (f"All {len(outcome.verdict.reasons)} gates let it through.",)
        self._heard = True
        for sentence in (*said, outcome.said):
            self._narrator.say(f"  {escape(sentence)}")

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
        for tenant in (digit_rows.TENANT, bandit_rows.TENANT, people_story.TENANT):
            for group in queries.reward_rates(self._scores, by, now(), tenant):
                invented = tenant == people_story.TENANT
                claimed = ("invented", "not claimed") if invented else rate(group.reward_sum, group.exposures)
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


async def _served(people: People, version: str) -> bool:
    return people.served[version] > 0


@contextmanager
def _turned_around(settings: PipelineSettings) -> Iterator[PipelineSettings]:
    """With a copy of the reward join's database in which 0 stands for every 1, for as long as it is needed."""
    with TemporaryDirectory() as folder:
        copied = Path(folder) / "tip_scores.db"
        with (
            closing(sqlite3.connect(settings.tip_scores_url.removeprefix("sqlite:///"))) as source,
            closing(sqlite3.connect(copied)) as target,
        ):
            source.backup(target)
            kinds = f"{ReactionKind.COMPLETED}", f"{ReactionKind.DISMISSED}"
            target.execute(_TURN_AROUND, (*kinds, *reversed(kinds)))
            target.commit()
        yield settings.model_copy(update={"tip_scores_url": f"sqlite:///{copied}"})


def _share(answered: Sequence[digits.Answered]) -> str:
    return f"{sum(one.reward for one in answered) / len(answered):.3f}"


def _counts(served: Counter[str]) -> str:
    return ", ".join(f"{version} ({count:,})" for version, count in sorted(served.items()))


def _put_aside(state: Path) -> Path | None:
    """The folder that an earlier run's state was moved to: the story begins with people of whom nothing is known."""
    if not state.exists():
        return None
    aside = state.with_name(f"{state.name}.previous")
    shutil.rmtree(aside, ignore_errors=True)
    state.rename(aside)
    return aside


async def _tell(narrator: Narrator, stack_settings: StackSettings) -> None:
    async with calling(stack_settings, now=now, new_id=new_id) as caller_of:
        await Demo(narrator, stack_settings, caller_of).tell()


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
            narrator.say(f"  {process.name:<14} {process.url}")
    narrator.say(
        "\nTry .venv/bin/oo with `decision show ID`, `model at 1m` or `rollout status digits`; `make down` ends it all."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
