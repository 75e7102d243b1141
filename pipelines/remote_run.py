"""Runs a compiled pipeline on a Kubeflow Pipelines server, and follows its steps."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kfp import Client  # type: ignore[import-untyped]  # KFP ships no types
from kfp_server_api import ApiException, V2beta1Run  # type: ignore[import-untyped]  # the same
from urllib3.exceptions import HTTPError

from oo.errors import PipelineFailed

COMPILED = Path(__file__).parents[1] / "manifests" / "kfp"
_PAUSE = 2.0
_ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
_INNER = ("root", "root-driver")


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
    try:
        client = Client(host=host)
        started = client.create_run_from_pipeline_package(
            str(COMPILED / f"{pipeline}.yaml"), arguments=dict(arguments), enable_caching=False
        )
        begun: dict[str, None] = {}
        while True:
            told = client.get_run(started.run_id)
            for step in _steps(told):
                if step not in begun:
                    begun[step] = None
                    on_step(step)
            if told.state in _ENDED:
                break
            sleep(_PAUSE)
    except (ApiException, HTTPError) as error:
        said = str(error).splitlines()[0]
        raise PipelineFailed(f"the Kubeflow Pipelines server at {host} cannot be asked: {said}") from error
    if told.state != "SUCCEEDED":
        last = next(reversed(begun), "start")
        raise PipelineFailed(f"run {started.run_id} at {host} has {told.state.lower()}, at step {last!r}; look there")
    return str(started.run_id)


def _steps(told: V2beta1Run) -> list[str]:
    """Those that have begun, in that order."""
    tasks = (told.run_details and told.run_details.task_details) or []
    begun = [task for task in tasks if task.start_time and task.display_name not in _INNER]
    return [str(task.display_name) for task in sorted(begun, key=lambda task: task.start_time)]
