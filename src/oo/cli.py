"""The command line: each command decodes, makes one library call and prints."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from oo.errors import OOError, UnknownModel, UnreadableRegistry
from oo.events.subjects import ConsumerName
from oo.printing import (
    LetterList,
    columns,
    compaction_lines,
    continuity_lines,
    letter_lines,
    lineage_tree,
    progress_bar,
    rate,
    replay_lines,
    stack_table,
)
from oo.settings import PipelineSettings, read

if TYPE_CHECKING:
    from oo.bus.dead_letter_box import DeadLetterBox, Progress, Replay, Selection
    from oo.bus.dead_letters import Letter
    from oo.bus.delivery import Reject

T = TypeVar("T")

# Imports stand inside the commands where they are slow: `oo --help` must not wait for MLflow.

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="oO decides which short tip a person sees, and learns from what they do with it.",
)
decision = typer.Typer(no_args_is_help=True, help="Follow one decision.")
dlq = typer.Typer(no_args_is_help=True, help="See dead letters, put them back on the bus, or throw them away.")
model = typer.Typer(no_args_is_help=True, help="See the registered models.")
offline = typer.Typer(no_args_is_help=True, help="Keep, check and pin the offline store.")
prompt = typer.Typer(no_args_is_help=True, help="See and release prompt versions.")
profile = typer.Typer(no_args_is_help=True, help="See the profile features, and check a TypeScript registry of them.")
app.add_typer(decision, name="decision")
app.add_typer(dlq, name="dlq")
app.add_typer(model, name="model")
app.add_typer(offline, name="offline")
app.add_typer(profile, name="profile")
app.add_typer(prompt, name="prompt")

out = Console()
err = Console(stderr=True)


@contextmanager
def _telling_errors() -> Iterator[None]:
    """Show what oO raises on purpose as a sentence; a bug keeps its traceback."""
    try:
        yield
    except OOError as error:
        err.print(escape(str(error)), style="red", highlight=False)
        raise typer.Exit(1) from error


def _settings() -> PipelineSettings:
    """Where the parts are: as the environment says, else where the local stack has them."""
    from oo.local.locations import pipeline_settings
    from oo.local.settings import StackSettings

    return pipeline_settings(read(StackSettings), os.environ)


def _tell(what: str, news: str) -> None:
    err.print(f"[dim]{escape(what):>10}[/dim]  {escape(news)}", highlight=False)


@app.command()
def up() -> None:
    """Start the local stack and wait until it is healthy."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        settings = read(StackSettings)
        stack.up(settings, _tell)
        out.print(stack_table(stack.status(settings)))


@app.command()
def down() -> None:
    """Stop the local stack; its data stays."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        stack.down(read(StackSettings), _tell)


@app.command()
def status() -> None:
    """Say which process of the local stack is healthy, and where it answers."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        states = stack.status(read(StackSettings))
    out.print(stack_table(states))
    if any(state.condition not in {"healthy", "done"} for state in states):
        raise typer.Exit(1)


@app.command()
def logs(name: Annotated[str | None, typer.Argument(help="One process, such as scorer.")] = None) -> None:
    """Show the last lines that each process of the local stack printed."""
    from oo.local import stack
    from oo.local.settings import StackSettings

    with _telling_errors():
        for process, lines in stack.logs(read(StackSettings), name).items():
            out.rule(process)
            out.print(escape(lines), highlight=False)


@app.command()
def bootstrap() -> None:
    """Make streams, durables and buckets, and give each feature service a first champion that knows nothing."""
    from oo.wiring.bootstrap import bootstrap as run

    with _telling_errors():
        for version in asyncio.run(run(_settings())):
            out.print(f"{version.feature_service}: the champion is {version.name} {version.version}", highlight=False)


@app.command()
def rewards(
    by: Annotated[str, typer.Argument(help="tenant, policy, model, prompt_version or variant.")] = "policy",
    tenant: Annotated[str | None, typer.Option(help="One tenant only.")] = None,
) -> None:
    """Print the reward rate of each group with its 95 % interval, from exposures whose window is over."""
    from oo.rewards import database, queries
    from oo.wiring.process import now

    if by not in queries.GROUPINGS:
        raise typer.BadParameter(f"choose one of {', '.join(queries.GROUPINGS)}")
    with _telling_errors():
        engine = database.connect(_settings().tip_scores_url)
        table = columns(by, "exposures", "rewards", "rate", "95 % interval")
        for group in queries.reward_rates(engine, by, now(), tenant):
            earned = rate(group.reward_sum, group.exposures)
            table.add_row("@".join(group.group), f"{group.exposures}", f"{group.reward_sum:.0f}", *earned)
    out.print(table)


@decision.command("show")
def show_decision(
    decision_id: Annotated[str, typer.Argument(help="As /score or /generate answered it.")],
    tenant: Annotated[str | None, typer.Option(help="Needed when several tenants used this id.")] = None,
) -> None:
    """Print the path of one decision link by link, and make it again from its record."""
    from oo.wiring.lineage import tracing

    async def run() -> None:
        async with tracing(_settings()) as tracer:
            out.print(lineage_tree(await tracer.trace(decision_id, tenant)), highlight=False)

    with _telling_errors():
        asyncio.run(run())


@model.command("list")
def list_models() -> None:
    """Print every model version with its aliases."""
    from oo import catalog as catalogs
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.registry.registry import ALIASES

    with _telling_errors():
        settings = _settings()
        registry = MlflowRegistry(settings.mlflow_url)
        table = columns("model", "version", "feature service", "digest", "is")
        for service in catalogs.load(settings.catalog).feature_services:
            aliases = {alias: registry.by_alias(service.model, alias) for alias in ALIASES}
            for version in registry.versions(service.model):
                names = ", ".join(alias for alias, named in aliases.items() if named == version)
                table.add_row(version.name, str(version.version), version.feature_service, version.digest[:12], names)
    out.print(table)


@model.command("card")
def write_card(name: Annotated[str, typer.Argument(help="A trained model, such as digits.")]) -> None:
    """Renew the facts of model_cards/NAME.md from the newest challenger; what people wrote around them stays."""
    from oo.local.settings import PROJECT_DIR
    from oo.registry import model_card
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.training.challenge import MODEL_CARD

    with _telling_errors():
        registry = MlflowRegistry(_settings().mlflow_url)
        versions = registry.versions(name)
        if not versions:
            raise UnknownModel(f"the registry has no model {name!r}; `oo model list` shows those that it has")
        card = registry.read_file(versions[-1], MODEL_CARD).decode()
        path = PROJECT_DIR / "model_cards" / f"{name}.md"
        model_card.write(path, name, model_card.facts_of(card))
    out.print(f"{path}: {name} {versions[-1].version}", highlight=False)


@app.command()
def train(
    feature_service: Annotated[str, typer.Argument(help="Such as tips@1.")],
    snapshot: Annotated[
        str | None, typer.Option(help="Learn from this snapshot of the offline store, as of its moment.")
    ] = None,
) -> None:
    """Train a challenger on what was decided and rewarded, judge it, and promote it when it beats the champion."""
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now
    from pipelines.train import run_locally

    with _telling_errors(), err.status(f"pipeline trains {feature_service}"):
        settings = _settings()
        pinned = OfflineStore(settings.offline_store).snapshot(snapshot) if snapshot is not None else None
        as_of = pinned.named_at if pinned else now()
        version = pinned.version if pinned else None
        outcome = run_locally(settings, feature_service, as_of=as_of, seed=0, table_version=version)
    for sentence in outcome.sentences:
        out.print(escape(sentence), highlight=False)


@offline.command("compact")
def compact_offline_store(
    *,
    older_than: Annotated[
        int, typer.Option(min=1, max=48, help="Hours for which versions without a name can still be read.")
    ] = 24,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
) -> None:
    """Merge small files, delete what no version needs that is named or younger, and cut the table's log.

    Safe while the archive writes. To be run regularly: at 10,000 commits since the last run appends become slower.
    """
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now

    with _telling_errors(), progress_bar(err, "days") as progress:
        begun = now()
        done = OfflineStore(_settings().offline_store).compact(
            older_than=timedelta(hours=older_than), clock=now, dry_run=dry_run, progress=progress
        )
        seconds = (now() - begun).total_seconds()
    for line in compaction_lines(done, seconds, dry_run=dry_run):
        out.print(line, highlight=False)


@offline.command("verify")
def verify_offline_store(
    stream: Annotated[str | None, typer.Option(help="One stream only: SIGNALS, FEEDBACK or DECISIONS.")] = None,
) -> None:
    """Prove that the table holds each sequence of the streams once, as far as the archive acknowledged them.

    Exits with 1 after naming the sequences, when one is there twice or is nowhere: neither in the table nor rejected
    nor deleted in its stream.
    """
    from oo.offline.stream_account import ARCHIVED_STREAMS
    from oo.wiring.offline import verified

    streams = [name for name in ARCHIVED_STREAMS if stream in {None, name}]
    if not streams:
        raise typer.BadParameter(f"choose one of {', '.join(ARCHIVED_STREAMS)}")

    async def run() -> bool:
        proven = True
        async for found in verified(_settings(), streams):
            proven = proven and found.proven
            for line in continuity_lines(found):
                out.print(line, highlight=False, soft_wrap=True)
        return proven

    with _telling_errors():
        if not asyncio.run(run()):
            raise typer.Exit(1)


@offline.command("snapshot")
def snapshot_offline_store(
    name: Annotated[str, typer.Argument(help="Such as before-the-holidays.")],
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Forget the name; compaction then deletes its files.")] = False,
) -> None:
    """Name the table's latest version, which from then on stays readable: `oo train tips@1 --snapshot NAME`."""
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now

    with _telling_errors():
        store = OfflineStore(_settings().offline_store)
        if drop:
            store.drop_snapshot(name)
            out.print(f"{name} is forgotten", highlight=False)
        else:
            taken = store.take_snapshot(name, now())
            out.print(f"{taken.name} is version {taken.version}", highlight=False)


@offline.command("snapshots")
def list_snapshots() -> None:
    """Print the named versions, oldest first."""
    from oo.offline.store import OfflineStore

    table = columns("name", "version", "named at (UTC)")
    with _telling_errors():
        for snapshot in OfflineStore(_settings().offline_store).snapshots():
            table.add_row(snapshot.name, f"{snapshot.version}", f"{snapshot.named_at:%Y-%m-%d %H:%M:%S}")
    out.print(table)


@profile.command("show")
def show_profile() -> None:
    """Print the profile features that a caller may send: the schema that is checked."""
    from oo.features.profile_schema import PROFILE_SCHEMA, nullness

    table = columns("name", "dtype", "null", "unit", "meaning")
    table.columns[-1].no_wrap = False
    for feature in PROFILE_SCHEMA:
        null = nullness(nullable=feature.nullable)
        table.add_row(feature.name, feature.dtype, null, feature.unit, feature.meaning)
    out.print(table)


@profile.command("check")
def check_profile(
    path: Annotated[Path, typer.Argument(help="A .ts, .mts, .cts or .tsx file; it is read, never run.")],
    export: Annotated[
        str | None, typer.Option(help="The declaration to read, when several look like the registry.")
    ] = None,
) -> None:
    """Compare the profile registry in a TypeScript file with the product's schema, and name what differs.

    Names are those on the wire. This agrees about one feature:

      export const PROFILE_FEATURES = {
        tip_volume: { dtype: "float64", nullable: false, unit: "tips per week" },
      } as const;

    So do a list with `name: "tip_volume"`, a Map, an interface (`tip_volume: number`), a class, a zod object.

    `number` cannot tell float64 from int64 and is accepted for both. Units are compared where the registry says any.
    A call around the registry, as in defineRegistry({…}), is taken to hand back what it is given.

    Exits with 0 when all agree, with 1 after a line for each difference, with 2 when the file cannot be understood.
    """
    from oo.features.profile_check import differences

    try:
        from oo.features.typescript.registry import read as read_registry
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is not installed; pip install 'oo-ml\\[profile]'", style="red", highlight=False)
        raise typer.Exit(2) from error
    try:
        registry = read_registry(path, export)
    except UnreadableRegistry as error:
        err.print(escape(str(error)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    found = differences(registry.features)
    for line in found:
        out.print(escape(line), highlight=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    out.print(f"{len(registry.features)} features agree: {registry.name} in {path}", highlight=False, soft_wrap=True)


@prompt.command("list")
def list_prompts() -> None:
    """Print the released prompt versions."""
    from oo.prompts.library import PromptLibrary

    with _telling_errors():
        for version in PromptLibrary.load().versions:
            out.print(version, highlight=False)


@prompt.command("lock")
def lock_prompts() -> None:
    """Release the prompt files that are not in the lock yet; a released one is never edited again."""
    from oo.prompts.library import TIPS
    from oo.prompts.lock import write_lock

    with _telling_errors():
        for name in write_lock(TIPS):
            out.print(f"released {name}", highlight=False)


def _moment(text: str) -> datetime:
    """A moment in ISO 8601, in UTC when it names no zone, or so long ago: 30m, 12h, 7d."""
    from oo.wiring.process import now

    if ago := re.fullmatch(r"([0-9]{1,5})([mhd])", text):
        return now() - int(ago[1]) * timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[ago[2]]: 1})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is none; give 2026-11-22, 2026-11-22T17:00 (UTC), 30m, 12h or 7d") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_Sequences = Annotated[list[int] | None, typer.Argument(min=1, help="As `oo dlq list` shows them.", metavar="SEQUENCE")]
_Consumer = Annotated[ConsumerName | None, typer.Option(help="Rejected by this consumer.")]
_Reason = Annotated[str | None, typer.Option(help="Rejected for this reason, such as invalid_event.")]
_Subject = Annotated[str | None, typer.Option(help="Sent on this subject; 'signals.>' for all below it.")]
_Since = Annotated[
    datetime | None,
    typer.Option(parser=_moment, metavar="WHEN", help="Buried then or later: ISO 8601, or 30m, 12h, 7d."),
]
_Until = Annotated[datetime | None, typer.Option(parser=_moment, metavar="WHEN", help="Buried before.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def _selection(  # noqa: PLR0913  # a filter each
    sequences: list[int] | None,
    *,
    consumer: ConsumerName | None,
    reason: str | None,
    subject: str | None,
    since: datetime | None,
    until: datetime | None,
) -> "Selection":
    from oo.bus.dead_letter_box import Selection

    return Selection(tuple(sequences or ()), None, consumer, reason, subject, since, until)


def _with_letters(doing: str, work: "Callable[[DeadLetterBox, Progress], Awaitable[T]]") -> T:
    from oo.wiring.dead_letters import dead_letters

    async def run() -> T:
        async with dead_letters(_settings()) as box:
            with progress_bar(err, doing) as progress:
                return await work(box, progress)

    with _telling_errors():
        return asyncio.run(run())


def _until_now(selection: "Selection") -> "Selection":
    """The selection without what comes while a person is being asked."""
    return replace(selection, through=_with_letters("looking", lambda box, _: box.last()))


@dlq.command("list")
def list_letters(  # noqa: PLR0913  # a filter each
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The most letters to show, the newest.")] = 50,
) -> None:
    """Print the dead letters, and how many there are for each reason. Nothing of a payload is shown."""
    from oo.wiring.process import now

    letters = LetterList(now(), limit)
    selection = _selection(None, consumer=consumer, reason=reason, subject=subject, since=since, until=until)

    async def look(box: "DeadLetterBox", progress: "Progress") -> None:
        async for letter in box.letters(selection, progress):
            letters.add(letter)

    _with_letters("looking", look)
    if not letters.reasons:
        out.print("no dead letters" if selection.is_everything else "no dead letters that these filters take")
        return
    # Whole lines, which a narrow terminal breaks: a reason or subject that was cut could not be filtered by.
    Console(width=1_000).print(letters.table)
    for line in letters.totals:
        out.print(escape(line), highlight=False, soft_wrap=True)


@dlq.command("show")
def show_letter(
    sequence: Annotated[int, typer.Argument(min=1, help="As `oo dlq list` shows it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the exact bytes of the payload and nothing else.")] = False,
) -> None:
    """Print all of a dead letter, and what a replay of it would do today. The payload may hold personal data."""

    async def look(box: "DeadLetterBox", _: "Progress") -> "tuple[Letter, Reject | None]":
        letter = await box.get(sequence)
        return letter, None if raw else box.would_stay(letter)

    letter, stays = _with_letters("looking", look)
    if raw:
        sys.stdout.buffer.write(letter.original.data)
        return
    for line in letter_lines(letter, stays):
        out.print(escape(line), highlight=False, soft_wrap=True)


@dlq.command("replay")
def replay_letters(  # noqa: PLR0913  # a filter each
    sequences: _Sequences = None,
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Put the originals of dead letters back on their subjects, byte for byte, then delete the letters.

    With no SEQUENCE and no filter: all of them. Every consumer of the subject sees a replayed event again, not only the
    one that rejected it. It keeps its event id, by which totals count it once, so this may be repeated at will.

    A letter that would be rejected again today stays, and is told with its reason.
    """
    selection = _selection(sequences, consumer=consumer, reason=reason, subject=subject, since=since, until=until)

    def replay(doing: str, *, dry_run: bool) -> "Replay":
        outcome = _with_letters(doing, lambda box, progress: box.replay(selection, progress, dry_run=dry_run))
        for line in replay_lines(outcome, dry_run=dry_run):
            out.print(escape(line), highlight=False, soft_wrap=True)
        return outcome

    if dry_run or not yes:
        selection = _until_now(selection)
        expected = replay("looking", dry_run=True)
        if dry_run or not expected.replayed:
            return
        typer.confirm(f"replay {expected.replayed}?", abort=True, err=True)
    replay("replaying", dry_run=False)


@dlq.command("drop")
def drop_letters(  # noqa: PLR0913  # a filter each
    sequences: _Sequences = None,
    *,
    consumer: _Consumer = None,
    reason: _Reason = None,
    subject: _Subject = None,
    since: _Since = None,
    until: _Until = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them, when nothing else says which.")] = False,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Delete dead letters for good; the server overwrites their bytes on its disk.

    What was never replayed has then had no effect in the consumer that rejected it.
    """
    selection = _selection(sequences, consumer=consumer, reason=reason, subject=subject, since=since, until=until)
    if selection.is_everything and not everything:
        raise typer.BadParameter("give a SEQUENCE, a filter, or --all")

    def drop(doing: str, *, dry_run: bool) -> int:
        dropped = _with_letters(doing, lambda box, progress: box.drop(selection, progress, dry_run=dry_run))
        out.print(f"{dropped} {'would be ' * dry_run}dropped", highlight=False)
        return dropped

    if dry_run or not yes:
        selection = _until_now(selection)
        expected = drop("looking", dry_run=True)
        if dry_run or not expected:
            return
        typer.confirm(f"drop {expected} for good?", abort=True, err=True)
    drop("dropping", dry_run=False)
