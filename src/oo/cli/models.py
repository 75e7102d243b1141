"""The commands for models, registered and to be trained."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from oo.cli.moment import moment
from oo.cli.surroundings import out, pipeline_settings, telling_errors
from oo.errors import UnknownModel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from oo.registry.history import History, Recorded, Subject
    from oo.registry.registry import Alias, ModelVersion
    from oo.rollout.live import Live

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="See the registered models, what was live when, and why.")


_Name = Annotated[str, typer.Argument(help="A registered model, such as digits.")]


@app.command("list")
def list_models() -> None:
    """Print every version of the catalog's models, oldest first, with its aliases.

    A version goes from challenger (it passed the gates) to shadow (it answers copies of requests), canary (it answers
    a share of them) and champion (it serves). The previous champion is where a rollback goes.
    """
    from oo import catalog as catalogs
    from oo.model_printing import version_table
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.registry.registry import ALIASES

    with telling_errors():
        settings = pipeline_settings()
        registry = MlflowRegistry(settings.mlflow_url)
        found: list[tuple[ModelVersion, list[Alias]]] = []
        for model in dict.fromkeys(service.model for service in catalogs.load(settings.catalog).feature_services):
            named = {alias: registry.by_alias(model, alias) for alias in ALIASES}
            found += [(one, [alias for alias in ALIASES if named[alias] == one]) for one in registry.versions(model)]
    out.print(version_table(found))


@app.command("show")
def show_model(
    name: _Name,
    version: Annotated[str, typer.Argument(help="A number, or an alias such as challenger.")] = "champion",
) -> None:
    """Print what is known of a version: its facts, what the gates said, what became of it, and its model card.

    oo model show digits

    oo model show digits challenger

    oo model show digits 7
    """
    from oo.model_printing import fact_table, history_table
    from oo.registry.history import Subject
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.registry.registry import ALIASES, named
    from oo.training.registration import MODEL_CARD

    with telling_errors():
        registry = MlflowRegistry(pipeline_settings().mlflow_url)
        found = named(registry, name, version)
        aliases = [alias for alias in ALIASES if registry.by_alias(name, alias) == found]
        facts = fact_table(found, aliases, registry.tags(found))
        told = _asked(lambda history: history.of(Subject(kind="model", name=name)))
        try:
            card = registry.read_file(found, MODEL_CARD).decode()
        except UnknownModel:
            card = "It has no model card: the training pipeline writes one when it judges a version."
    wide = Console(width=1_000)  # whole lines: a reason that is cut says nothing
    wide.print(facts)
    became = [one for one in told if one.transition.version == str(found.version)]
    out.print("\n[cyan]── history ──[/cyan]")
    if became:
        wide.print(history_table(became))
    else:
        out.print("no rollout of it is recorded")
    out.print("\n[cyan]── model card ──[/cyan]")
    out.print(Text(card.rstrip("\n")), soft_wrap=True)


@app.command("diff")
def diff_models(
    name: _Name,
    before: Annotated[str, typer.Argument(help="A number or an alias, such as champion.")],
    after: Annotated[str, typer.Argument(help="Another one, such as challenger.")],
) -> None:
    """Print what differs between two versions: recipe, dataset, metrics, features. Exits with 0.

    oo model diff digits champion challenger
    """
    from oo.model_printing import difference_table
    from oo.registry.mlflow_registry import MlflowRegistry
    from oo.registry.registry import named
    from oo.training.differences import differences

    with telling_errors():
        registry = MlflowRegistry(pipeline_settings().mlflow_url)
        old, new = named(registry, name, before), named(registry, name, after)
        found = differences(registry, old, new)
    if found:
        Console(width=1_000).print(difference_table(f"{name} {old.version}", f"{name} {new.version}", found))
    else:
        out.print(f"{name} {old.version} and {new.version} do not differ", highlight=False)


@app.command("bake")
def bake_models(
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that was baked into before.")],
) -> None:
    """Write the champions of the catalog's models into a folder, from which a scorer serves without MLflow.

      oo model bake models

    A bento that is built then holds the folder `models`, and serves from it where OO_MODELS names it. The default is
    otherwise: a scorer fetches its champions from MLflow, and a rollout needs no new image.
    """
    from oo.wiring.baking import bake_champions

    with telling_errors():
        for champion in bake_champions(pipeline_settings(), folder):
            out.print(f"{champion.name} {champion.version}: {champion.digest}", highlight=False, soft_wrap=True)


@app.command("history")
def show_history(
    name: Annotated[str, typer.Argument(help="A model, or a tenant for its policy and its prompt.")],
) -> None:
    """Print what became of a model's versions, or of a tenant's policies and prompts: when, on whose word, and why.

    The history is only ever added to. Aliases and traffic follow from it.
    """
    from oo.model_printing import history_table

    async def look(history: "History") -> "list[Recorded]":
        return [one for subject in await _subjects(history, name) for one in await history.of(subject)]

    with telling_errors():
        found = _asked(look)
    Console(width=1_000).print(history_table(sorted(found, key=lambda one: one.sequence)))


@app.command("at")
def show_live(
    when: Annotated[
        datetime,
        typer.Argument(parser=moment, metavar="WHEN", help="ISO 8601, in UTC unless it says; or 30m, 12h, 7d ago."),
    ],
    name: Annotated[str | None, typer.Argument(help="A model, or a tenant; all when not given.")] = None,
) -> None:
    """Print what was live at a moment: each champion, and the canary or shadow beside it, with who made it so and why.

      oo model at 2026-11-01T12:00Z

      oo model at 12h digits

    Models stand under their names, policies and prompts under their tenants.
    """
    from oo.model_printing import live_table
    from oo.rollout.live import live_at

    async def look(history: "History") -> "Sequence[Live]":
        return await live_at(history, when, await _subjects(history, name))

    with telling_errors():
        found = _asked(look)
    if found:
        Console(width=1_000).print(live_table(found))
    else:
        out.print(f"nothing is recorded of what was live at {when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _asked(ask: "Callable[[History], Awaitable[T]]") -> "T":
    from oo.wiring.history import history

    async def run() -> "T":
        async with history(pipeline_settings()) as opened:
            return await ask(opened)

    return asyncio.run(run())


async def _subjects(history: "History", name: str | None) -> "Sequence[Subject]":
    """Those of this name, all when it is None."""
    known = await history.subjects()
    found = [subject for subject in known if name in {None, subject.name}]
    if name is not None and not found:
        names = ", ".join(dict.fromkeys(subject.name for subject in known)) or "nothing yet"
        raise UnknownModel(f"the history has nothing of {name!r}; it has {names}")
    return found
