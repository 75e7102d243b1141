"""Our charts as the tests see them: rendered, refused, linted and held against the schemas of the apiserver.

    objects = render("bento", {"service": "scorer", …}, api_versions=[GATEWAY_API])
    validate(objects)

`chart` is a folder's name below `helm/`. Values reach Helm on its standard input, so a run leaves no file behind, and
what was rendered once is not rendered again.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema_rs
import kubernetes_validate  # type: ignore[import-untyped]
import yaml

ROOT = Path(__file__).resolve().parents[2]
HELM_CHARTS = ROOT / "helm"
KUBERNETES = "1.34"
CRDS = ROOT / "tests" / "deploy" / "crds"
# The package's own validator reads all of these files again for each object.
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES}.0-local-strict"

# What a cluster serves beyond Kubernetes' own (`Capabilities.APIVersions`): for `api_versions`.
GATEWAY_API = "gateway.networking.k8s.io/v1/HTTPRoute"
BACKEND_TRAFFIC_POLICY = "gateway.envoyproxy.io/v1alpha1/BackendTrafficPolicy"
CLIENT_TRAFFIC_POLICY = "gateway.envoyproxy.io/v1alpha1/ClientTrafficPolicy"
INFERENCE_SERVICE = "serving.kserve.io/v1beta1/InferenceService"
SCALED_OBJECT = "keda.sh/v1alpha1/ScaledObject"
POD_MONITOR = "monitoring.coreos.com/v1/PodMonitor"
PROMETHEUS_RULE = "monitoring.coreos.com/v1/PrometheusRule"
SERVICE_MONITOR = "monitoring.coreos.com/v1/ServiceMonitor"

KubernetesObject: TypeAlias = dict[str, Any]


def render(
    chart: str,
    values: Mapping[str, Any],
    api_versions: Collection[str] = (),
    *,
    release: str = "oo",
    namespace: str = "oo",
) -> list[KubernetesObject]:
    """Return what `helm template` makes of the chart with these values, on a cluster that serves `api_versions`.

    Hooks and `helm test` pods are among them. Raises:
        AssertionError: Helm refused, with its words.
    """
    run = _template(chart, json.dumps(values), tuple(sorted(api_versions)), release, namespace)
    assert run.returncode == 0, run.stderr
    return [each for each in yaml.load_all(run.stdout, Loader=_Loader) if each]


def refusal(
    chart: str,
    values: Mapping[str, Any],
    api_versions: Collection[str] = (),
    *,
    release: str = "oo",
    namespace: str = "oo",
) -> str:
    """Return the words in which Helm refuses these values; a chart that takes them fails the test.

    A place is told as Helm 3 does, such as `shadow.percent`: Helm 4 says `at '/shadow/percent'`.
    """
    run = _template(chart, json.dumps(values), tuple(sorted(api_versions)), release, namespace)
    assert run.returncode != 0, f"helm/{chart} took values that it should refuse: {json.dumps(values)}"
    return _PLACE.sub(lambda found: found[1].replace("/", "."), run.stderr)


def lint(chart: str, values: Mapping[str, Any]) -> None:
    """Fail in the words of `helm lint --strict`, if it has any."""
    run = _helm(("lint", str(HELM_CHARTS / chart), "--strict", "--kube-version", KUBERNETES), json.dumps(values))
    assert run.returncode == 0, run.stdout + run.stderr


def find(objects: Iterable[KubernetesObject], kind: str, name: str) -> KubernetesObject:
    """Return the one object of this kind and name, or fail and say what there is."""
    there = {name_of(each): each for each in objects}
    assert f"{kind}/{name}" in there, f"no {kind}/{name} among {sorted(there)}"
    return there[f"{kind}/{name}"]


def name_of(each: KubernetesObject) -> str:
    """Return `Kind/name`."""
    return f"{each['kind']}/{each['metadata']['name']}"


def validate(objects: Iterable[KubernetesObject]) -> None:
    """Fail at the first object that an apiserver of this version would refuse, or would take without one of its fields.

    Rules of admission beyond the schemas (CEL, defaulting, immutability) are the cluster tests' part.
    """
    for each in objects:
        _validate(json.dumps(each, sort_keys=True))


_PLACE = re.compile(r"at '/([^']*)'")


@functools.cache
def _template(
    chart: str, values: str, api_versions: tuple[str, ...], release: str, namespace: str
) -> subprocess.CompletedProcess[str]:
    served = (word for version in api_versions for word in ("--api-versions", version))
    where = ("--namespace", namespace, "--kube-version", KUBERNETES)
    return _helm(("template", release, str(HELM_CHARTS / chart), *where, *served), values)


def _helm(arguments: tuple[str, ...], values: str) -> subprocess.CompletedProcess[str]:
    command = (_helm_program(), *arguments, "--values", "-")
    return subprocess.run(command, input=values, capture_output=True, text=True, check=False)  # noqa: S603 - our own words


@functools.cache
def _helm_program() -> str:
    program = os.environ.get("HELM") or shutil.which("helm") or shutil.which(Path(sys.executable).parent / "helm")
    assert program, "the charts' tests need Helm: put it on the PATH (helm.sh/docs/intro/install), or name it in HELM"
    return program


class _Loader(yaml.CSafeLoader):
    """YAML as an apiserver reads it: a key that stands twice is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice among {keys}"
        return super().construct_mapping(node, deep)


@functools.cache
def _validate(text: str) -> None:
    each: KubernetesObject = json.loads(text)
    for error in _validator(each["apiVersion"], each["kind"]).iter_errors(each):
        path = ".".join(str(step) for step in error.instance_path)
        raise AssertionError(f"{name_of(each)}: {path}: {error.message}")
    for key, value in each["metadata"].get("labels", {}).items():
        assert _LABEL.fullmatch(value), f"{name_of(each)}: the label {key} may not be {value!r}"
    _refuse_repeated_names(each, name_of(each))


_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAMED_LISTS = ("containers", "env", "initContainers", "volumes")


def _refuse_repeated_names(value: object, owner: str) -> None:
    """Server-side apply, which Helm 4 does, refuses a name that stands twice where a list is a map."""
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in _NAMED_LISTS:
            names = [each["name"] for each in below]
            assert len(names) == len(set(names)), f"{owner}: a name stands twice in {key}: {names}"
        _refuse_repeated_names(below, owner)


@functools.cache
def _validator(api_version: str, kind: str) -> jsonschema_rs.Draft202012Validator | jsonschema_rs.Draft4Validator:
    if (custom := CRDS / f"{kind.lower()}.json").exists():
        copy = json.loads(custom.read_text())
        assert copy["apiVersion"] == api_version, f"{kind} is {copy['apiVersion']} in {custom.name}, not {api_version}"
        schema = _strict(copy["openAPIV3Schema"])
        return jsonschema_rs.Draft4Validator({**schema, "properties": {**schema["properties"], **_IDENTITY}})
    group, _, version = api_version.rpartition("/")
    path = SCHEMAS / f"{'-'.join(filter(None, (kind.lower(), group.partition('.')[0], version)))}.json"
    assert path.exists(), f"Kubernetes {KUBERNETES} has no {kind} of {api_version}, and tests/deploy/crds neither"
    return jsonschema_rs.Draft202012Validator(json.loads(path.read_text()), registry=_definitions())


@functools.cache
def _definitions() -> jsonschema_rs.Registry:
    definitions = json.loads((SCHEMAS / "_definitions.json").read_text())
    return jsonschema_rs.Registry([("https://kubernetes.io/api/_definitions.json", definitions)])


# A CRD says no more of its metadata than that it is an object.
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_IDENTITY = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"},
            "namespace": {"type": "string"},
            "labels": _TEXTS,
            "annotations": _TEXTS,
        },
    },
}


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a structural schema that refuses what an apiserver prunes: every field that it does not name."""
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _strict(schema["additionalProperties"])
    elif schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    if schema.get("nullable"):
        result["type"] = [schema["type"], "null"]
    return result
