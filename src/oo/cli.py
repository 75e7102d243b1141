"""The command line: each command decodes, makes one library call and prints."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from oo.errors import OOError, UnknownModel, UnreadableRegistry
from oo.printing import columns, lineage_tree, rate, stack_table
from oo.settings import PipelineSettings, read

# Imports stand inside the commands where they are slow: `oo --help` must not wait for MLflow.

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="oO decides which short tip a person sees, and learns from what they do with it.",
)
decision = typer.Typer(no_args_is_help=True, help="Follow one decision.")
model = typer.Typer(no_args_is_help=True, help="See the registered models.")
prompt = typer.Typer(no_args_is_help=True, help="See and release prompt versions.")
profile = typer.Typer(no_args_is_help=True, help="See the profile features, and check a TypeScript registry of them.")
app.add_typer(decision, name="decision")
app.add_typer(model, name="model")
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
def train(feature_service: Annotated[str, typer.Argument(help="Such as tips@1.")]) -> None:
    """Train a challenger on what was decided and rewarded, judge it, and promote it when it beats the champion."""
    from oo.wiring.process import now
    from pipelines.train import run_locally

    with _telling_errors(), err.status(f"pipeline trains {feature_service}"):
        outcome = run_locally(_settings(), feature_service, as_of=now(), seed=0)
    for sentence in outcome.sentences:
        out.print(escape(sentence), highlight=False)


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
