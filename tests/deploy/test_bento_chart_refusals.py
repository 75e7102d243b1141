"""What cannot work is refused before anything is applied, in a sentence that names the value and the remedy."""

from typing import Any

import pytest

from tests.deploy.charts import BACKEND_TRAFFIC_POLICY, GATEWAY_API, INFERENCE_SERVICE, refusal, render

DIGEST = {"digest": f"sha256:{'2' * 64}"}
SCORER: dict[str, Any] = {"service": "scorer", "callers": {"anyone": True}}
ROUTED: dict[str, Any] = {**SCORER, "route": {"enabled": True}, "gateway": {"name": "gateway"}}
GENERATOR: dict[str, Any] = {**ROUTED, "service": "generator"}
KSERVE: dict[str, Any] = {**SCORER, "workload": {"kind": "inferenceservice"}}


def test_the_values_that_the_refused_ones_differ_from_are_taken() -> None:
    render("bento", SCORER)
    render("bento", ROUTED, [GATEWAY_API])
    render("bento", GENERATOR, [GATEWAY_API])
    render("bento", KSERVE, [INFERENCE_SERVICE])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"callers": {"anyone": True}}, "service is not set"),
        ({"service": "scorer"}, "callers says nobody who may ask"),
        ({**SCORER, "callers": {"anyone": True, "existingSecret": "x"}}, 'has both existingSecret "x" and anyone'),
        ({**SCORER, "catalog": {"texts": {"a": "b"}, "configMap": "c"}}, 'has both texts and configMap "c"'),
        ({**SCORER, "faults": {"stable": {}}}, "faults.stable would fail people on purpose"),
        ({**SCORER, "route": {"enabled": True}}, "route.enabled needs gateway.name"),
        ({**ROUTED, "shadow": {"enabled": True}}, "shadow.enabled needs shadow.image.digest"),
        ({**ROUTED, "canary": {"enabled": True}}, "canary.enabled needs canary.image.digest"),
        ({**SCORER, "shadow": {"enabled": True, "image": DIGEST}}, "shadow.enabled needs the route"),
        ({**SCORER, "canary": {"enabled": True, "image": DIGEST}}, "canary.enabled needs the route"),
        ({**ROUTED, "canary": {"enabled": True, "weight": 101, "image": DIGEST}}, "canary.weight is 101"),
        ({**ROUTED, "canary": {"weight": 10}}, "canary.weight is 10, and canary.enabled is false"),
        ({**GENERATOR, "shadow": {"llm": {"allowed": True}}}, "shadow.llm.allowed needs shadow.llm.dailyUsd"),
        ({**ROUTED, "shadow": {"llm": {"allowed": True, "dailyUsd": 1}}}, "the scorer asks no language model"),
        ({**SCORER, "autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas 9 is above"),
        ({**SCORER, "drain": {"sleepSeconds": 30}}, "drain.graceSeconds 30 ends a pod before"),
        ({**SCORER, "settings": {"OO_NATS_URL": "nats://x"}}, "settings.OO_NATS_URL has a value of its own"),
        ({**ROUTED, "gateway": {"name": "gateway", "kind": "envoy-gateway"}}, "does not serve gateway.envoyproxy.io"),
        ({**ROUTED, "gateway": {"name": "gateway", "bufferLimit": "1Mi"}}, "bufferLimit is a policy of Envoy Gateway"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, Any], words: str) -> None:
    assert words in refusal("bento", values, [GATEWAY_API])


def test_a_mirror_is_refused_where_no_gateway_api_is() -> None:
    values = {**ROUTED, "shadow": {"enabled": True, "image": DIGEST}}
    assert "shadow.enabled mirrors requests, which needs the Gateway API" in refusal("bento", values)
    assert "route.enabled needs the Gateway API" in refusal("bento", ROUTED)


def test_an_inferenceservice_is_refused_where_kserve_is_missing_or_too_old() -> None:
    assert "this cluster has no KServe" in refusal("bento", KSERVE, [GATEWAY_API, BACKEND_TRAFFIC_POLICY])
    assert "too old: it serves serving.kserve.io/v1alpha2" in refusal(
        "bento", KSERVE, ["serving.kserve.io/v1alpha2/InferenceService"]
    )


def test_a_name_is_refused_that_is_too_long_for_its_services() -> None:
    assert "40 characters at most" in refusal("bento", SCORER, release="x" * 41)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"replica": 2}, "replica"),
        ({"shadow": {"weight": 2}}, "shadow"),
        ({"shadow": {"llm": {"dailyEur": 2}}}, "shadow.llm"),
        ({"networkPolicy": {"callers": [{"podselector": {}}]}}, "networkPolicy.callers.0"),
        ({"networkPolicy": {"nats": {"to": []}}}, "networkPolicy.nats.to"),
        ({"resources": {"limits": {"gpu": 1}}}, "resources.limits"),
        ({"service": "predictor"}, "service"),
        ({"shadow": {"percent": 101}}, "shadow.percent"),
        ({"canary": {"image": {"digest": "latest"}}}, "canary.image.digest"),
        ({"faults": {"canary": {"delaySeconds": 6}}}, "faults.canary.delaySeconds"),
        ({"settings": {"PATH": "/"}}, "PATH"),
    ],
)
def test_what_the_schema_does_not_know_is_refused_where_it_stands(values: dict[str, Any], where: str) -> None:
    assert where in refusal("bento", {**SCORER, **values})
