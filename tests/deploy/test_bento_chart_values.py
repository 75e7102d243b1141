"""What holds for every set of values: those in `helm/bento/ci`, on a cluster that serves all kinds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import chart_readmes
from tests.deploy.charts import (
    BACKEND_TRAFFIC_POLICY,
    CLIENT_TRAFFIC_POLICY,
    GATEWAY_API,
    HELM_CHARTS,
    INFERENCE_SERVICE,
    SERVICE_MONITOR,
    KubernetesObject,
    lint,
    name_of,
    render,
    validate,
)

BENTO = HELM_CHARTS / "bento"
SETS: dict[str, dict[str, Any]] = {
    path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text())
    for path in sorted((BENTO / "ci").glob("*-values.yaml"))
}
EVERYTHING = [BACKEND_TRAFFIC_POLICY, CLIENT_TRAFFIC_POLICY, GATEWAY_API, INFERENCE_SERVICE, SERVICE_MONITOR]

every_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS)


def _objects(values: dict[str, Any]) -> list[KubernetesObject]:
    return render("bento", values, EVERYTHING)


def _pods(objects: list[KubernetesObject]) -> Iterator[tuple[KubernetesObject, KubernetesObject]]:
    """The metadata and spec of every pod that the objects make."""
    for each in objects:
        match each["kind"]:
            case "Pod":
                yield each["metadata"], each["spec"]
            case "Deployment":
                yield each["spec"]["template"]["metadata"], each["spec"]["template"]["spec"]
            case "InferenceService":
                yield each["spec"]["predictor"], each["spec"]["predictor"]


def test_there_are_sets_for_both_services_and_both_workloads() -> None:
    assert len(SETS) >= 12
    assert {values["service"] for values in SETS.values()} == {"scorer", "generator"}
    assert {"deployment", "inferenceservice"} == {
        values.get("workload", {}).get("kind", "deployment") for values in SETS.values()
    }


@every_set
def test_the_cluster_takes_what_is_rendered(values: dict[str, Any]) -> None:
    objects = _objects(values)
    validate(objects)
    names = [name_of(each) for each in objects]
    assert len(names) == len(set(names))
    assert {each["kind"] for each in objects}.isdisjoint({"CustomResourceDefinition", "Secret"})


@every_set
def test_every_container_runs_restricted_on_a_read_only_root(values: dict[str, Any]) -> None:
    for _, pod in _pods(_objects(values)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "a Service named oo-nats would set OO_NATS_PORT"
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 1034,
            "runAsGroup": 1034,
            "fsGroup": 1034,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            mounts = {each["name"]: each for each in container.get("volumeMounts", [])}
            assert {name for name, each in mounts.items() if not each.get("readOnly")} <= {"tmp"}
        for volume in pod.get("volumes", []):
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]
            assert "hostPath" not in volume


@every_set
def test_every_service_finds_the_pods_of_its_role_and_no_others(values: dict[str, Any]) -> None:
    objects = _objects(values)
    pods = [metadata["labels"] for metadata, _ in _pods(objects)]
    services = [each for each in objects if each["kind"] == "Service"]
    assert services
    for service in services:
        found = [labels for labels in pods if service["spec"]["selector"].items() <= labels.items()]
        role = service["metadata"]["name"].removeprefix("oo-").removesuffix("-pods")
        assert [labels["app.kubernetes.io/component"] for labels in found] == [role]


@every_set
def test_no_value_of_a_secret_is_in_what_is_rendered(values: dict[str, Any]) -> None:
    for _, pod in _pods(_objects(values)):
        for variable in pod["containers"][0].get("env", []):
            secret = variable["name"].endswith(("_PASSWORD", "_KEY", "_USER"))
            assert secret == ("valueFrom" in variable)


@pytest.mark.parametrize("name", ["scorer-production", "generator-model"])
def test_helm_lint_finds_nothing(name: str) -> None:
    lint("bento", SETS[name])


@pytest.mark.parametrize("chart", chart_readmes.charts(), ids=lambda chart: chart.name)
def test_a_readme_says_what_the_values_say(chart: Path) -> None:
    assert (chart / "README.md").read_text() == chart_readmes.readme(chart), "renew it: python -m scripts.chart_readmes"


@pytest.mark.parametrize("chart", chart_readmes.charts(), ids=lambda chart: chart.name)
def test_every_value_has_its_comment(chart: Path) -> None:
    told = list(chart_readmes.values((chart / "values.yaml").read_text()))
    assert told
    assert [value.path for value in told if not value.comment] == []


@pytest.mark.parametrize("chart", chart_readmes.charts(), ids=lambda chart: chart.name)
def test_the_schema_is_closed_to_keys_that_it_does_not_name(chart: Path) -> None:
    def objects(schema: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield path, schema
            for key, below in schema.items():
                yield from objects(below, f"{path}/{key}")
        elif isinstance(schema, list):
            for place, below in enumerate(schema):
                yield from objects(below, f"{path}/{place}")

    schema = json.loads((chart / "values.schema.json").read_text())
    opened = [path for path, each in objects(schema, "") if "additionalProperties" not in each]
    # The one value that only the service can judge: what `helm test` sends it.
    assert opened == (["/properties/test/properties/body"] if chart.name == "bento" else [])
