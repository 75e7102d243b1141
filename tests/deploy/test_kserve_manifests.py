"""The plain examples beside the chart say what the chart says, so that nobody copies yesterday's pod."""

from typing import Any

import pytest
import yaml

from tests.deploy.charts import GATEWAY_API, INFERENCE_SERVICE, ROOT, KubernetesObject, find, render, validate

KSERVE = ROOT / "manifests" / "kserve"
VALUES: dict[str, Any] = {
    "service": "scorer",
    "callers": {"existingSecret": "oo-callers"},
    "workload": {"kind": "inferenceservice"},
    "route": {"enabled": True},
    "gateway": {"name": "gateway", "namespace": "gateway"},
    "canary": {"enabled": True, "weight": 10, "image": {"digest": f"sha256:{'2' * 64}"}},
}
# What only a chart with several releases needs.
CHARTS_OWN = {"labels", "serviceAccountName", "topologySpreadConstraints"}


def _example(name: str) -> KubernetesObject:
    example: KubernetesObject = yaml.safe_load((KSERVE / f"{name}.yaml").read_text())
    return example


def _rendered(kind: str, name: str) -> KubernetesObject:
    return find(render("bento", VALUES, [GATEWAY_API, INFERENCE_SERVICE], release="oo-scorer"), kind, name)


def test_the_cluster_takes_the_examples() -> None:
    validate(map(_example, ("stable", "canary", "httproute")))
    assert {path.stem for path in KSERVE.glob("*.yaml")} == {"stable", "canary", "httproute"}


@pytest.mark.parametrize("role", ["stable", "canary"])
def test_an_example_runs_the_pod_of_the_chart(role: str) -> None:
    example, rendered = _example(role), _rendered("InferenceService", f"oo-scorer-{role}")
    assert example["metadata"]["annotations"] == rendered["metadata"]["annotations"]
    assert example["metadata"]["labels"].items() <= rendered["metadata"]["labels"].items()
    of_chart = {key: value for key, value in rendered["spec"]["predictor"].items() if key not in CHARTS_OWN}
    of_chart["containers"][0]["image"] = "oo-scorer:0.1.0"  # the chart's canary has a digest
    assert example["spec"]["predictor"] == of_chart


def test_the_example_of_the_route_is_that_of_the_chart() -> None:
    assert _example("httproute")["spec"] == _rendered("HTTPRoute", "oo-scorer")["spec"]
