"""kubectl and helm, as the tests of a cluster run them."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMESPACE = "oo-test"
PATIENCE = "150s"


def run(*command: str, given: str | None = None) -> str:
    """What a command printed; one that fails fails the test, with what it said."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def kubectl(*arguments: str, given: str | None = None, namespace: str = NAMESPACE) -> str:
    """What `kubectl` says in a namespace."""
    return run("kubectl", f"--namespace={namespace}", *arguments, given=given)


def objects(*arguments: str, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """The objects that `kubectl get` finds."""
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "--output=json", namespace=namespace))
    items: list[dict[str, Any]] = found["items"] if found["kind"].endswith("List") else [found]
    return items


def apply(*wanted: dict[str, Any], namespace: str = NAMESPACE) -> None:
    """Make these objects."""
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted})
    kubectl("apply", "--filename=-", given=given, namespace=namespace)


def needs(kind: str, what: str) -> None:
    """Fail where the cluster does not know a kind of object, such as `scaledobjects.keda.sh`."""
    known = run("kubectl", "api-resources", f"--api-group={kind.partition('.')[2]}", "--output=name").split()
    assert kind in known, f"this cluster has no {what}: install it, or deselect the tests of this file"


def helm(*arguments: str, values: dict[str, Any] | None = None, namespace: str = NAMESPACE) -> str:
    """What `helm` says in a namespace; it keeps its records where the promoter may read them."""
    given = () if values is None else ("--values=-",)
    where = f"--namespace={namespace}"
    return run(
        "env", "HELM_DRIVER=configmap", "helm", *arguments, where, *given, given=json.dumps(values) if values else None
    )


@contextmanager
def forwarded(target: str, port: int, namespace: str = NAMESPACE) -> Iterator[int]:
    """A port of this machine that leads to a port of a Service or pod."""
    command = ("kubectl", f"--namespace={namespace}", "port-forward", target, f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:  # noqa: S603  # the same
        assert forward.stdout is not None
        said = forward.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"{target}: {said}"
        try:
            yield int(found[1])
        finally:
            forward.terminate()
