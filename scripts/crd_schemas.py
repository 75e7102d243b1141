"""Renew `tests/deploy/crds`: the schemas of the custom resources that our charts write, cut down to what they say.

The sources are Go modules; `go mod download -json MODULE@VERSION` fetches one and prints its folder. Descriptions,
defaults and what a JSON schema cannot check (CEL rules, how lists are merged) go. Of an InferenceService only the
predictor stays, and of its pod the parts that our manifests use: the tests refuse every field that is not here.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).resolve().parent.parent / "tests" / "deploy" / "crds"

_UNCHECKED = frozenset(
    {
        "default",
        "description",
        "example",
        "externalDocs",
        "title",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-validations",
    }
)


@dataclass(frozen=True)
class Source:
    """Where a CRD comes from, which version of it our charts write, and which parts of it are left out."""

    module: str
    path: str
    version: str
    keep: Mapping[str, str] = field(default_factory=dict)
    """Of the object at this path (dotted, `[]` for the items of a list) only these properties stay."""


SOURCES = (
    Source(
        "sigs.k8s.io/gateway-api@v1.6.1",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        "v1",
    ),
    *(
        Source(
            "github.com/envoyproxy/gateway@v1.9.1",
            f"charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_{plural}.yaml",
            "v1alpha1",
        )
        for plural in ("backendtrafficpolicies", "clienttrafficpolicies")
    ),
    Source(
        "github.com/kserve/kserve@v0.20.0",
        "config/crd/full/serving.kserve.io_inferenceservices.yaml",
        "v1beta1",
        keep={
            "spec": "predictor",
            "spec.predictor": "affinity annotations automountServiceAccountToken containers deploymentStrategy "
            "enableServiceLinks imagePullSecrets labels maxReplicas minReplicas nodeSelector scaleMetric scaleTarget "
            "securityContext "
            "serviceAccountName terminationGracePeriodSeconds timeout tolerations topologySpreadConstraints volumes",
            "spec.predictor.containers[]": "args command env envFrom image imagePullPolicy lifecycle livenessProbe "
            "name ports readinessProbe resources securityContext startupProbe volumeMounts workingDir",
            "spec.predictor.volumes[]": "configMap emptyDir name secret",
        },
    ),
    Source("github.com/kedacore/keda/v2@v2.20.2", "config/crd/bases/keda.sh_scaledobjects.yaml", "v1alpha1"),
    *(
        Source(
            "github.com/prometheus-operator/prometheus-operator@v0.85.0",
            f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml",
            "v1",
            keep={"spec.groups[]": "interval labels limit name query_offset rules"},
        )
        for plural in ("podmonitors", "prometheusrules", "servicemonitors")
    ),
)


def cut(schema: Any, keep: Mapping[str, str], path: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Return a structural schema without its prose and without the properties that `keep` leaves out."""
    result = {key: value for key, value in schema.items() if key not in _UNCHECKED}
    if "properties" in result:
        kept = keep[path].split() if path in keep else result["properties"]
        dot = f"{path}." if path else ""
        result["properties"] = {
            name: cut(value, keep, dot + name) for name, value in sorted(result["properties"].items()) if name in kept
        }
    if "items" in result:
        result["items"] = cut(result["items"], keep, f"{path}[]")
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = cut(result["additionalProperties"], keep, f"{path}.*")
    return result


def copy_of(source: Source, folder: Path) -> dict[str, Any]:
    """Return the copy that is written for a source whose module lies in `folder`."""
    crd = yaml.load((folder / source.path).read_text(), Loader=yaml.CSafeLoader)
    (version,) = (each for each in crd["spec"]["versions"] if each["name"] == source.version)
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"].pop("status", None)
    return {
        "notice": f"Cut down from {source.path} of {source.module}, Apache-2.0 (LICENSE there); "
        "changed by scripts/crd_schemas.py.",
        "apiVersion": f"{crd['spec']['group']}/{source.version}",
        "kind": crd["spec"]["names"]["kind"],
        "openAPIV3Schema": cut(schema, source.keep),
    }


def _folder_of(module: str) -> Path:
    command = ("go", "mod", "download", "-json", module)
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
    return Path(json.loads(found.stdout)["Dir"])


def main() -> None:
    """Write one file a kind."""
    CRDS.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        copy = copy_of(source, _folder_of(source.module))
        written = CRDS / f"{copy['kind'].lower()}.json"
        written.write_text(json.dumps(copy, separators=(",", ":"), sort_keys=False) + "\n")
        sys.stdout.write(f"{written.name} {written.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
