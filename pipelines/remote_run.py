"""Runs a compiled pipeline on a Kubeflow Pipelines server, and follows its steps."""

import io
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import yaml
from kfp import Client  # type: ignore[import-untyped]  # KFP ships no types
from kfp_server_api import (  # type: ignore[import-untyped]  # the same
    ApiException,
    OpenApiException,
    V2beta1GetHealthzResponse,
    V2beta1PipelineTaskDetail,
    V2beta1Run,
)
from urllib3.exceptions import HTTPError, MaxRetryError

from oo.errors import PipelineFailed

COMPILED = Path(__file__).parents[1] / "manifests" / "kfp"
_PAUSE = 2.0
_ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}


def run(
    host: str,
    pipeline: str,
    arguments: Mapping[str, object],
    on_step: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Start a run, wait until it has ended, and return its id.

    Args:
        host: the server's address, such as `http://127.0.0.1:8888`.
        pipeline: the name of a file in manifests/kfp.
        arguments: the pipeline's own.
        on_step: called with the name of each step as it begins.
        sleep: waits so many seconds before the run is looked at again.

    Raises:
        PipelineFailed: the server cannot be asked, or the run did not succeed; names the step.
    """
    if not host.startswith(("http://", "https://")):
        raise PipelineFailed(f"{host} is no address of a server; begin it with http:// or https://")
    package = COMPILED / f"{pipeline}.yaml"
    names = _steps(package)
    with _asking(f"the Kubeflow Pipelines server at {host} cannot be asked"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it knows no servers before version 2, as it says each time
            client = _Client(host=host)
        with redirect_stdout(io.StringIO()):  # it prints links
            started = client.create_run_from_pipeline_package(
                str(package), arguments=dict(arguments), enable_caching=False
            )
    known: set[str] = set()
    while True:
        with _asking(f"run {started.run_id} may go on, and the server at {host} tells nothing of it"):
            told = client.get_run(started.run_id)
        begun = _begun(told, names)
        for step in begun:
            if step.task_id not in known:
                known.add(step.task_id)
                on_step(step.display_name)
        if told.state in _ENDED:
            break
        sleep(_PAUSE)
    if told.state != "SUCCEEDED":
        ended = next((step for step in begun if step.state == told.state), begun[-1] if begun else None)
        step = repr(ended.display_name) if ended else "'start'"
        raise PipelineFailed(f"run {started.run_id} at {host} has {told.state.lower()}, at step {step}; look there")
    return str(started.run_id)


class _Client(Client):  # type: ignore[misc]  # KFP ships no types
    """KFP's own, which asks for a server's health once, not five times with a traceback and five seconds each."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> V2beta1GetHealthzResponse:  # noqa: ARG002  # as it is called
        return self._healthz_api.healthz_service_get_healthz()


def _steps(package: Path) -> set[str]:
    """The names of the pipeline's steps; a run has drivers, loops and executors besides."""
    spec = next(yaml.safe_load_all(package.read_text(encoding="utf-8")))
    return {name.removeprefix("exec-") for name in spec["deploymentSpec"]["executors"]}


def _begun(told: V2beta1Run, names: set[str]) -> list[V2beta1PipelineTaskDetail]:
    """The steps that have begun, in that order."""
    tasks = (told.run_details and told.run_details.task_details) or []
    begun = [task for task in tasks if task.start_time and task.display_name in names]
    return sorted(begun, key=lambda task: task.start_time)


@contextmanager
def _asking(what: str) -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        reason = " ".join(str(error.reason).split())
        raise PipelineFailed(f"{what}: it answered {error.status} {reason}") from error
    except HTTPError as error:
        cause = error.reason if isinstance(error, MaxRetryError) else error
        raise PipelineFailed(f"{what}: {cause}; is it running?") from error
    except (OpenApiException, ValueError) as error:
        raise PipelineFailed(f"{what}: it answers as no such server does ({error})") from error
