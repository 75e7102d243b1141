"""A pipeline by KFP's own orchestrator, with every step as a pod of the promoter's.

`python -m tests.cluster.step_pods PIPELINE ARGUMENTS ROOT`: KFP replaces `print` while it runs, so it has a process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import docker  # type: ignore[import-untyped]  # it ships no types
from kfp import local  # type: ignore[import-untyped]  # the same
from kfp.local.docker_task_handler import DockerTaskHandler  # type: ignore[import-untyped]  # the same

from oo.local.settings import PROJECT_DIR
from pipelines import local_run
from tests.cluster.commands import apply, kubectl, objects
from tests.cluster.installation import image as built_image

STEP = "oo.test/step"
CLAIM = "step-artifacts"
_OUTPUT = "pipeline output: "
_RESULT = "result of the step: "
_WRAPPED = f"""
"$@"
code=$?
test ! -e "$RESULT" || {{ echo; printf '{_RESULT}'; cat "$RESULT"; }}
exit $code
"""
_numbers = count(1)


def run(pipeline: str, arguments: Mapping[str, object]) -> str:
    """The output of a pipeline, such as `pipelines.train:training`, whose steps ran in the cluster; in `artifacts`."""
    built = built_image("oo-pipelines")
    with TemporaryDirectory() as root:
        done = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-m", __name__, pipeline, json.dumps(arguments), root],
            cwd=PROJECT_DIR,
            env=os.environ | {"OO_PIPELINES_IMAGE": f"{built['repository']}@{built['digest']}"},
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-8000:]
    assert _OUTPUT in said, said[-8000:]
    print(said)  # pytest keeps it for who asks
    return said.rpartition(_OUTPUT)[2].splitlines()[0]


@contextmanager
def artifacts() -> Iterator[None]:
    """Where the steps leave files for each other."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": claim})
    try:
        yield
    finally:
        kubectl("delete", "pods", f"--selector={STEP}")
        kubectl("delete", f"pvc/{CLAIM}")


def _as_pod(*, image: str, command: Sequence[str], volumes: Mapping[str, Any], **_: object) -> int:
    """Instead of KFP's own, which asks Docker."""
    ((root, _mount),) = volumes.items()
    name = f"step-{os.getpid()}-{next(_numbers)}"
    result = json.loads(command[command.index("--executor_input") + 1])["outputs"]["outputFile"]
    (scheduled,) = objects("cronjob/oo-promoter-digits")
    spec: dict[str, Any] = scheduled["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    container["image"] = image
    container["command"] = ["sh", "-c", _WRAPPED, "step", *command]
    container["env"].append({"name": "RESULT", "value": result})
    container["volumeMounts"].append({"name": CLAIM, "mountPath": root})
    spec["volumes"].append({"name": CLAIM, "persistentVolumeClaim": {"claimName": CLAIM}})
    spec["restartPolicy"] = "Never"
    labels = {STEP: command[command.index("--function_to_execute") + 1]}
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec})
    kubectl("wait", f"pod/{name}", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", "--timeout=300s")
    said, told = kubectl("logs", name, "--tail=-1").partition(_RESULT)[::2]
    print(said)
    if told:
        Path(result).parent.mkdir(parents=True, exist_ok=True)
        Path(result).write_text(told, encoding="utf-8")
    (pod,) = objects(f"pod/{name}")
    return int(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"])


def main(arguments: Sequence[str]) -> None:
    """The process's own side."""
    root = arguments[2]
    mounted = {root: {"bind": root, "mode": "rw"}}
    with (
        patch("kfp.local.docker_task_handler.run_docker_container", _as_pod),
        patch.object(DockerTaskHandler, "get_volumes_to_mount", lambda *_: mounted),
        patch.object(docker, "from_env"),
        patch.object(local, "SubprocessRunner", lambda **_: local.DockerRunner()),
    ):
        local_run.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
