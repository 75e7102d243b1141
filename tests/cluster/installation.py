"""oO as a first install puts it into a cluster, with the images that were built for it."""

import os
import secrets
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from oo.local.settings import PROJECT_DIR
from tests.cluster.commands import NAMESPACE, PATIENCE, apply, helm, kubectl, objects, run

IMAGES = Path(os.environ.get("OO_IMAGES_DIR", PROJECT_DIR / ".images"))
TOKEN = secrets.token_urlsafe(32)
HOST = "oo.example"
RELEASES = ("platform", "consumers", "oo-scorer", "oo-generator")
_WRITTEN_ABOUT = ("event", "endpoint", "lease", "pod.metrics", "podmetrics")
CHARTS = PROJECT_DIR / "helm"
CATALOGS = {"tips.yaml": PROJECT_DIR / "catalog/tips.yaml", "digits.yaml": PROJECT_DIR / "examples/digits/catalog.yaml"}
REHEARSAL = {
    "percents": [25, 50],
    "confidence": 0.95,
    # Until a candidate's pods are there and the route leads to them.
    "settling": "PT45S",
    "grace": "PT3S",
    "shadow_hold": "PT0S",
    "pairs": 100,
    "canary_hold": "PT0S",
    "longest_canary_hold": "PT5M",
    "decisions": 75,
    "exposures": 50,
    "error_margin": 0.05,
    "latency_unnoticed": "PT0.05S",
}
"""Days become seconds. On two processors that run the cluster too, times differ by more than a model makes them."""


def digest(image: str) -> str:
    """Of an image that was built for these tests."""
    return (IMAGES / f"{image}.digest").read_text().strip()


def image(name: str) -> dict[str, str]:
    """The values of an image."""
    return {"repository": f"localhost/{name}", "digest": digest(name), "pullPolicy": "Never"}


def load() -> None:
    """Give the cluster the images."""
    program = os.environ.get("OO_LOAD_IMAGE", "").split()
    if program:
        run(*program, *map(str, sorted(IMAGES.glob("*.tar"))))


def platform() -> dict[str, Any]:
    """Values of the chart `platform`."""
    return {
        "image": image("oo-pipelines"),
        "nats": {"image": image("oo-try-nats"), "storage": {"size": "1Gi"}},
        "mlflow": {"image": image("oo-try-mlflow"), "storage": {"size": "1Gi"}},
        "postgres": {"image": image("oo-try-postgres"), "storage": {"size": "1Gi"}},
        "offlineStore": {"storage": {"size": "1Gi"}},
        "catalog": {"files": {name: path.read_text() for name, path in CATALOGS.items()}},
        # Not by the clock: a test says when.
        "promoter": {"models": ["digits"], "schedule": "0 0 31 12 *", "requirements": REHEARSAL},
    }


def service(name: str) -> dict[str, Any]:
    """Values of the chart `bento` for a service that stands behind the cluster's gateway."""
    return {
        "service": name,
        "image": image(f"oo-{name}"),
        "replicas": 2,
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "callers": {"existingSecret": "oo-callers"},
        "catalog": {"configMap": "oo-catalog", "files": list(CATALOGS)},
        "route": {"enabled": True},
        "gateway": {
            "name": os.environ.get("OO_GATEWAY", "gateway"),
            "namespace": os.environ.get("OO_GATEWAY_NAMESPACE", "gateway"),
            "hostnames": [HOST],
            "kind": "envoy-gateway",
        },
    }


def consumers() -> dict[str, Any]:
    """Values of the chart `consumers`."""
    return {"image": image("oo-consumers"), "catalog": {"files": list(CATALOGS)}}


def make_namespace(name: str = NAMESPACE) -> None:
    """Make an empty one in which every pod is held to the standard `restricted`, with the tokens of those who ask."""
    remove(name)
    held = "pod-security.kubernetes.io/enforce"
    labels = {held: "restricted", f"{held}-version": "latest"}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}, namespace=name)
    apply(_callers({"tests": {"tokens": [TOKEN]}}), namespace=name)


def install() -> None:
    """Install all of it."""
    helm("install", "platform", str(CHARTS / "platform"), "--wait", f"--timeout={PATIENCE}", values=platform())
    helm("install", "consumers", str(CHARTS / "consumers"), "--wait", f"--timeout={PATIENCE}", values=consumers())
    for name in ("scorer", "generator"):
        helm("install", f"oo-{name}", str(CHARTS / "bento"), "--wait", f"--timeout={PATIENCE}", values=service(name))


def upgrade(name: str, values: Mapping[str, Any]) -> None:
    """Give a service these values beside those of its first install, and no others."""
    _upgrade(f"oo-{name}", "bento", _merged(service(name), values))


def upgrade_consumers(values: Mapping[str, Any]) -> None:
    """Give consumers these values, each by its name, beside those of their first install, and no others."""
    _upgrade("consumers", "consumers", consumers() | {"consumers": values})


def _upgrade(release: str, chart: str, values: dict[str, Any]) -> None:
    wait = ("--wait", f"--timeout={PATIENCE}", "--force-conflicts")
    helm("upgrade", release, str(CHARTS / chart), "--reset-values", *wait, values=values)


def uninstall() -> None:
    """Uninstall all of it, as a person does."""
    for release in reversed(RELEASES):
        helm("uninstall", release, "--wait", f"--timeout={PATIENCE}")


def things() -> set[str]:
    """All objects of the namespace, of every kind that there is, but for what the cluster itself writes about them."""
    kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list,delete", "--output=name").split()
    told = kubectl("get", ",".join(kinds), "--output=name", "--ignore-not-found").split()
    return {name for name in told if not name.startswith(_WRITTEN_ABOUT)}


def remove(name: str = NAMESPACE) -> None:
    """Delete a namespace, should there be one."""
    run("kubectl", "delete", "namespace", name, "--ignore-not-found", "--wait", f"--timeout={PATIENCE}")


def password(role: str) -> str:
    """Of a user of the bus."""
    (secret,) = objects(f"secret/oo-nats-{role}")
    return b64decode(secret["data"]["password"]).decode()


def database_password() -> str:
    """Of the database."""
    (secret,) = objects("secret/oo-postgres")
    return b64decode(secret["data"]["password"]).decode()


def _callers(callers: Mapping[str, Any]) -> dict[str, Any]:
    text = yaml.safe_dump(dict(callers))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "oo-callers"},
        "stringData": {"callers.yaml": text},
    }


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _merged(old[name], new[name]) for name in old.keys() & new.keys() if isinstance(new[name], Mapping)}
    return {**old, **new, **both}


def pods(component: str) -> list[str]:
    """The names of the running pods of a component, such as `shadow`."""
    return [pod["metadata"]["name"] for pod in staying(f"--selector=app.kubernetes.io/component={component}")]


def staying(*arguments: str) -> list[dict[str, Any]]:
    """The pods that `kubectl get` finds, but for those that are on their way out."""
    return [pod for pod in objects("pods", *arguments) if "deletionTimestamp" not in pod["metadata"]]


def rolled_out(workload: str) -> None:
    """Return when a Deployment is as it should be."""
    kubectl("rollout", "status", workload, f"--timeout={PATIENCE}")
