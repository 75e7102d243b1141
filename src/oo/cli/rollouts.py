"""The commands for rollouts."""

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape

from oo.cli.surroundings import out, pipeline_settings, telling_errors
from oo.registry.history import Kind, Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from oo.rollout.conductor import Conductor
    from oo.rollout.plan import Move
    from oo.rollout.rollout import Rollout

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    help="""Move a model, a policy or a prompt into the traffic, step by step: shadow, canary, champion, or back.

    Each step rests on evidence, which is kept beside the version; what is missing or inconclusive holds it.""",
)

_Name = Annotated[str, typer.Argument(help="A model, such as digits; a tenant for its policy or its prompt.")]
_Kind = Annotated[Kind, typer.Option("--kind", help="What of that name is meant.")]
_Who = Annotated[str, typer.Option(help="Who does it, as the history shall say.", show_default="you")]
_Why = Annotated[str, typer.Option(help="Why, in a sentence: the history keeps it.")]


def _me() -> str:
    return getpass.getuser()


def _conduct(kind: Kind, name: str, work: "Callable[[Conductor], Awaitable[T]]") -> T:
    from oo.wiring.rollout import conducting
    from oo.wiring.tenant_rollout import conducting_for_tenant
    from oo.wiring.traffic import model_traffic

    async def run() -> T:
        subject, settings = Subject(kind=kind, name=name), pipeline_settings()
        async with (
            conducting(settings, name, model_traffic(settings))
            if kind == "model"
            else conducting_for_tenant(settings, subject)
        ) as conductor:
            return await work(conductor)

    with telling_errors():
        return asyncio.run(run())


@app.command()
def status(name: _Name, kind: _Kind = "model") -> None:
    """Say where a rollout stands."""
    _tell(_conduct(kind, name, lambda conductor: conductor.status()))


@app.command()
def plan(
    name: _Name,
    kind: _Kind = "model",
    *,
    resume: Annotated[bool, typer.Option("--resume", help="As if a hold had ended.")] = False,
) -> None:
    """Say what `advance` would do now, and why; nothing changes."""
    planned = _conduct(kind, name, lambda conductor: conductor.plan(resume=resume))
    _tell(planned.rollout)
    _tell_move(planned.move)


@app.command()
def propose(  # noqa: PLR0913  # an option each
    name: _Name,
    version: Annotated[
        str, typer.Argument(help="As `oo model list` shows it; NAME@VERSION of a policy; such as v2 of a prompt.")
    ],
    why: _Why,
    who: _Who = "",
    kind: _Kind = "model",
    *,
    again: Annotated[bool, typer.Option("--again", help="Although it was rolled back or replaced before.")] = False,
) -> None:
    """Make a version the challenger. The pipeline does so itself with what its gates let through."""
    _tell(_conduct(kind, name, lambda conductor: conductor.propose(version, who=who or _me(), why=why, again=again)))


@app.command()
def advance(
    name: _Name,
    who: _Who = "",
    why: Annotated[str, typer.Option(help="What you add to the reasons.")] = "",
    kind: _Kind = "model",
    *,
    resume: Annotated[bool, typer.Option("--resume", help="End a hold; the evidence decides all the same.")] = False,
) -> None:
    """Do what the evidence carries: one step on, nothing, or back.

    Exits with 0 when the rollout moved on, with 3 when it holds, with 4 when it was rolled back.
    """
    from oo.rollout.plan import Advance, Hold

    outcome = _conduct(kind, name, lambda conductor: conductor.advance(who=who or _me(), why=why, resume=resume))
    _tell_move(outcome.move)
    _tell(outcome.rollout)
    if isinstance(outcome.move, Hold):
        raise typer.Exit(3)
    if not isinstance(outcome.move, Advance):
        raise typer.Exit(4)


@app.command()
def hold(name: _Name, why: _Why, who: _Who = "", kind: _Kind = "model") -> None:
    """Stop where the rollout is until somebody says `advance --resume`. What is worse still goes back."""
    _tell(_conduct(kind, name, lambda conductor: conductor.hold(who=who or _me(), why=why)))


@app.command()
def rollback(
    name: _Name,
    why: _Why,
    who: _Who = "",
    kind: _Kind = "model",
    version: Annotated[str | None, typer.Option(help="What to take back; else what came last.")] = None,
) -> None:
    """Take back what came last: the shadow or canary, else the champion. Needs no evidence."""
    _tell(_conduct(kind, name, lambda conductor: conductor.rollback(who=who or _me(), why=why, version=version)))


@app.command()
def settle(name: _Name, kind: _Kind = "model") -> None:
    """Bring names and traffic after the history, after a crash or a restart. It may be run at any time."""
    _tell(_conduct(kind, name, lambda conductor: conductor.settle()))


@app.command()
def evidence(
    name: _Name,
    folder: Annotated[Path, typer.Argument(help="Where the files go; it is made.")],
    of: Annotated[str, typer.Option(help="The hash in the history, or how it begins; else the last one.")] = "",
    kind: _Kind = "model",
) -> None:
    """Fetch what a step rested on: rollout, findings, requirements and the move, checked against the hash.

    The files are as they were hashed, so anybody can check them again: `bundle.json` names each with its SHA-256.
    """
    recorded, bundle = _conduct(kind, name, lambda conductor: conductor.rested_on(of))
    bundle.write(folder)
    told = recorded.transition
    step = f"{told.stage} {told.percent} %" if told.percent else told.stage.replace("_", " ")
    out.print(f"{told.version} became {step} on {told.at:%Y-%m-%d %H:%M:%S} UTC; {len(bundle.files) + 1} files are in")
    out.print(f"{escape(str(folder))}, none changed since. Evidence {bundle.digest}", soft_wrap=True)


@app.command()
def requirements() -> None:
    """Print what each step asks for, as OO_ROLLOUT sets it."""
    with telling_errors():
        out.print_json(pipeline_settings().rollout.model_dump_json())


def _tell(rollout: "Rollout") -> None:
    name = rollout.subject.name if rollout.subject.kind == "model" else str(rollout.subject)
    serves = (
        f"{name} {rollout.champion} serves" if rollout.champion else f"no version of {name} serves by a rollout yet"
    )
    trial = ""
    if rollout.candidate:
        share = f" with {rollout.percent} % of the traffic" if rollout.percent else ""
        trial = f"; {rollout.candidate} is the {rollout.stage}{share} since {rollout.since:%Y-%m-%d %H:%M:%S} UTC"
    elif rollout.stage == "rolled_back":
        trial = f"; {rollout.version} was rolled back"
    held = f"; held by {rollout.held.who}: {rollout.held.why}" if rollout.held else ""
    out.print(escape(f"{serves}{trial}{held}."), highlight=False, soft_wrap=True)


def _tell_move(move: "Move") -> None:
    out.print(f"[bold]{move.title}[/bold]", highlight=False)
    for reason in move.reasons:
        out.print(f"  {escape(reason)}", highlight=False, soft_wrap=True)
