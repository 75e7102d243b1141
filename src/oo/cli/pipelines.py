"""The commands for pipelines."""

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from oo.cli.surroundings import err, out, pipeline_settings, telling_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.status import Status

app = typer.Typer(no_args_is_help=True, help="Run the pipelines: train makes a challenger, promote takes it on.")
_run = typer.Typer(
    no_args_is_help=True,
    help="""Run a pipeline on this machine, or on a Kubeflow Pipelines server with --host.

    Nothing is lost when a run is broken off: run it again, and what was done stays as it is.""",
)
app.add_typer(_run, name="run")

_Host = Annotated[str | None, typer.Option(help="The address of a Kubeflow Pipelines server that runs it.")]
_Local = Annotated[bool, typer.Option("--local", help="Run it on this machine, as without --host.")]


@_run.command()
def train(  # noqa: PLR0913  # an option each
    feature_service: Annotated[str, typer.Argument(help="Such as tips@1.")],
    snapshot: Annotated[
        str | None, typer.Option(help="Learn from this snapshot of the offline store, as of its moment.")
    ] = None,
    shards: Annotated[int, typer.Option(min=1, help="Assemble the rows in so many parts: more take less memory.")] = 1,
    seed: Annotated[int, typer.Option(help="Of all that is random; equal rows and seeds give equal models.")] = 0,
    host: _Host = None,
    *,
    local: _Local = False,
) -> None:
    """Train a model on what was decided and rewarded, and propose it when every gate lets it through.

    Nothing changes for anybody until `oo rollout advance`, or the promote pipeline, takes it further.
    """
    from oo.offline.store import OfflineStore
    from oo.wiring.process import now
    from oo.wiring.steps import LATEST
    from pipelines import runs

    _either(host, local=local)
    with telling_errors():
        settings = pipeline_settings()
        pinned = OfflineStore(settings.offline_store).snapshot(snapshot) if snapshot is not None else None
        asked = runs.Training(
            feature_service,
            as_of=pinned.named_at if pinned else now(),
            seed=seed,
            table_version=pinned.version if pinned else LATEST,
            shards=shards,
        )
        with _progress(f"training {feature_service}") as progress:
            if host is not None:
                _remotely(host, "train", asked.arguments(settings), progress)
                return
            outcome = runs.train(settings, asked, on_step=progress.begin, on_note=progress.note)
    for sentence in outcome.sentences:
        out.print(escape(sentence), highlight=False, soft_wrap=True)


@_run.command()
def promote(
    model: Annotated[str, typer.Argument(help="Such as digits.")], host: _Host = None, *, local: _Local = False
) -> None:
    """Do what the evidence for the version on trial carries: one step on, nothing, or back.

    The same as `oo rollout advance`, for a schedule.
    """
    from oo.local.settings import StackSettings
    from oo.settings import read
    from pipelines import runs

    _either(host, local=local)
    with telling_errors(), _progress(f"promoting {model}") as progress:
        if host is not None:
            _remotely(host, "promote", {"model": model}, progress)
            return
        told = runs.promote(pipeline_settings(), read(StackSettings), model, on_step=progress.begin)
    out.print(escape(told), highlight=False, soft_wrap=True)


def _either(host: str | None, *, local: bool) -> None:
    if host is not None and local:
        raise typer.BadParameter("--local and --host say two places; give one of them")


def _remotely(host: str, pipeline: str, arguments: "Mapping[str, object]", progress: "_Progress") -> None:
    from pipelines import remote_run

    run = remote_run.run(host, pipeline, arguments, progress.begin)
    out.print(f"run {run} has succeeded; `oo model list` shows what there is now", highlight=False, soft_wrap=True)


class _Progress:
    """A line for each step as it ends: its time, and what it told of itself."""

    def __init__(self, status: "Status") -> None:
        self._status = status
        self._step: str | None = None
        self._since = 0.0
        self._notes: list[str] = []

    def begin(self, step: str) -> None:
        """The next step begins."""
        self.end()
        self._step, self._since = step, monotonic()
        self._status.update(step)

    def note(self, told: str) -> None:
        """The present step tells something."""
        self._notes.append(told)

    def end(self) -> None:
        """The present step has ended."""
        if self._step is not None:
            told = "; ".join(self._notes)
            err.print(f"  {self._step:<10}{monotonic() - self._since:6.1f} s  {escape(told)}", highlight=False)
        self._step, self._notes = None, []


@contextmanager
def _progress(what: str) -> "Iterator[_Progress]":
    with err.status(what) as status:
        progress = _Progress(status)
        yield progress
        progress.end()
