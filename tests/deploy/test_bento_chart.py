"""What the chart of both services renders, and what it leaves out."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from oo.events.decision import ServingRole
from oo.registry.history import Subject
from oo.rollout.helm_traffic import pods, routes, unused
from oo.rollout.traffic import Traffic
from oo.settings import AccessSettings, GeneratorSettings, ScorerSettings, read
from tests.deploy.charts import (
    BACKEND_TRAFFIC_POLICY,
    CLIENT_TRAFFIC_POLICY,
    GATEWAY_API,
    HELM_CHARTS,
    INFERENCE_SERVICE,
    SERVICE_MONITOR,
    KubernetesObject,
    find,
    name_of,
    render,
)

STABLE, CANDIDATE = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
SCORER: dict[str, Any] = {
    "service": "scorer",
    "callers": {"existingSecret": "oo-callers"},
    "image": {"digest": STABLE},
    "route": {"enabled": True},
    "gateway": {"name": "gateway"},
}
GENERATOR: dict[str, Any] = {**SCORER, "service": "generator", "llm": {"models": ["openai/small"], "dailyUsd": 20}}
SHADOW: dict[str, Any] = {"shadow": {"enabled": True, "image": {"digest": CANDIDATE}}}
CANARY: dict[str, Any] = {"canary": {"enabled": True, "weight": 10, "image": {"digest": CANDIDATE}}}

OF_STABLE = {
    "Deployment/oo-stable",
    "HTTPRoute/oo",
    "NetworkPolicy/oo",
    "NetworkPolicy/oo-test",
    "Pod/oo-test",
    "PodDisruptionBudget/oo-stable",
    "Service/oo-stable",
    "Service/oo-stable-pods",
    "ServiceAccount/oo",
}
OF_SHADOW = {"Deployment/oo-shadow", "Service/oo-shadow", "Service/oo-shadow-pods"}
OF_CANARY = {
    "Deployment/oo-canary",
    "PodDisruptionBudget/oo-canary",
    "Service/oo-canary",
    "Service/oo-canary-pods",
}


def _render(values: dict[str, Any], *also: str) -> list[KubernetesObject]:
    return render("bento", values, [GATEWAY_API, *also])


def _names(values: dict[str, Any], *also: str) -> set[str]:
    return {name_of(each) for each in _render(values, *also)}


def _rule(values: dict[str, Any], *also: str) -> dict[str, Any]:
    (rule,) = find(_render(values, *also), "HTTPRoute", "oo")["spec"]["rules"]
    assert isinstance(rule, dict)
    return rule


def _pod(values: dict[str, Any], role: str) -> dict[str, Any]:
    pod = find(_render(values), "Deployment", f"oo-{role}")["spec"]["template"]["spec"]
    assert isinstance(pod, dict)
    return pod


def _environment(values: dict[str, Any], role: str) -> dict[str, str]:
    """The variables of a pod; one that comes from a Secret reads `SECRET/KEY`."""
    told = {}
    for variable in _pod(values, role)["containers"][0]["env"]:
        secret = variable.get("valueFrom", {}).get("secretKeyRef")
        told[variable["name"]] = f"{secret['name']}/{secret['key']}" if secret else variable["value"]
    return told


# What is there, and what is not


def test_a_service_alone_has_nothing_of_a_shadow_or_canary() -> None:
    assert _names(SCORER) == OF_STABLE
    assert "filters" not in _rule(SCORER)
    assert _rule(SCORER)["backendRefs"] == [{"name": "oo-stable", "port": 3000}]


def test_without_a_route_there_is_none() -> None:
    assert _names({**SCORER, "route": {"enabled": False}}) == OF_STABLE - {"HTTPRoute/oo"}


def test_a_shadow_adds_its_pods_and_a_mirror_and_nothing_else() -> None:
    assert _names(SCORER | SHADOW) == OF_STABLE | OF_SHADOW
    assert _rule(SCORER | SHADOW)["filters"] == [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "oo-shadow", "port": 3000}}}
    ]
    assert _rule(SCORER | SHADOW)["backendRefs"] == _rule(SCORER)["backendRefs"]


def test_a_share_of_the_requests_is_mirrored_or_none_while_the_shadow_starts() -> None:
    share = SCORER | {"shadow": SHADOW["shadow"] | {"percent": 25}}
    assert _rule(share)["filters"][0]["requestMirror"]["percent"] == 25
    none = SCORER | {"shadow": SHADOW["shadow"] | {"percent": 0}}
    assert "filters" not in _rule(none)
    assert _names(none) == OF_STABLE | OF_SHADOW


@pytest.mark.parametrize(("weight", "shares"), [(0, [100, 0]), (10, [90, 10]), (100, [0, 100])])
def test_a_canary_adds_its_pods_and_its_share(weight: int, shares: list[int]) -> None:
    values = SCORER | {"canary": CANARY["canary"] | {"weight": weight}}
    assert _names(values) == OF_STABLE | OF_CANARY
    assert "filters" not in _rule(values)
    assert _rule(values)["backendRefs"] == [
        {"name": f"oo-{role}", "port": 3000, "weight": share}
        for role, share in zip(("stable", "canary"), shares, strict=True)
    ]


def test_the_route_leads_from_the_one_path_of_the_service() -> None:
    for values, path in ((SCORER, "/score"), (GENERATOR, "/generate")):
        assert _rule(values)["matches"] == [{"path": {"type": "Exact", "value": path}}]


def test_envoy_gateway_sends_again_what_a_broken_connection_lost_and_nothing_that_was_answered() -> None:
    values = SCORER | {"gateway": {"name": "gateway", "kind": "envoy-gateway"}}
    objects = _render(values, BACKEND_TRAFFIC_POLICY, CLIENT_TRAFFIC_POLICY)
    assert {name_of(each) for each in objects} == OF_STABLE | {"BackendTrafficPolicy/oo"}
    policy = find(objects, "BackendTrafficPolicy", "oo")["spec"]
    assert policy["targetRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "oo"}]
    assert policy["retry"] == {
        "numRetries": 2,
        "retryOn": {"triggers": ["connect-failure", "refused-stream", "reset"]},
    }


def test_a_buffer_limit_is_set_beside_the_gateway() -> None:
    gateway = {"name": "gateway", "namespace": "edge", "kind": "envoy-gateway", "bufferLimit": "1Mi"}
    objects = _render(SCORER | {"gateway": gateway}, BACKEND_TRAFFIC_POLICY, CLIENT_TRAFFIC_POLICY)
    policy = find(objects, "ClientTrafficPolicy", "oo")
    assert policy["metadata"]["namespace"] == "edge"
    assert policy["spec"]["connection"] == {"bufferLimit": "1Mi"}


def test_an_autoscaler_decides_how_many_pods_there_are() -> None:
    values = SCORER | {"autoscaling": {"enabled": True, "maxReplicas": 9}}
    objects = _render(values)
    assert {name_of(each) for each in objects} == OF_STABLE | {"HorizontalPodAutoscaler/oo-stable"}
    assert find(objects, "HorizontalPodAutoscaler", "oo-stable")["spec"]["maxReplicas"] == 9
    assert "replicas" not in find(objects, "Deployment", "oo-stable")["spec"]
    assert find(_render(SCORER), "Deployment", "oo-stable")["spec"]["replicas"] == 2


def test_a_service_monitor_is_made_where_the_cluster_has_the_kind() -> None:
    values = SCORER | {"monitoring": {"serviceMonitor": {"enabled": True}}}
    assert _names(values) == OF_STABLE
    objects = _render(values, SERVICE_MONITOR)
    assert {name_of(each) for each in objects} == OF_STABLE | {"ServiceMonitor/oo"}
    selected = find(objects, "ServiceMonitor", "oo")["spec"]["selector"]["matchLabels"]
    services = [each for each in objects if each["kind"] == "Service"]
    found = [each["metadata"]["name"] for each in services if selected.items() <= each["metadata"]["labels"].items()]
    assert found == ["oo-stable-pods"]
    assert _names(SCORER, SERVICE_MONITOR) == OF_STABLE


def test_the_addresses_of_all_pods_of_a_role_are_asked_by_a_headless_service() -> None:
    for role in ("stable", "shadow", "canary"):
        service = find(_render(SCORER | SHADOW | CANARY), "Service", f"oo-{role}-pods")["spec"]
        assert service["clusterIP"] == "None"
        assert service["ports"] == [{"name": "http", "port": 3000, "targetPort": "http", "protocol": "TCP"}]


def test_what_a_rollout_writes_is_taken_and_told_in_a_config_map() -> None:
    traffic = Traffic(Subject(kind="model", name="tips"), stable="3", candidate="4", mirror=True)
    objects = _render(SCORER | SHADOW | {"rollout": routes(traffic)["rollout"]})
    assert {name_of(each) for each in objects} == OF_STABLE | OF_SHADOW | {"ConfigMap/oo-rollout"}
    assert find(objects, "ConfigMap", "oo-rollout")["data"] == {
        "subject": "model/tips",
        "stable": "3",
        "candidate": "4",
        "mirror": "true",
        "percent": "0",
    }
    over = routes(Traffic(Subject(kind="model", name="tips"), stable="4"))
    assert find(_render(SCORER | over), "ConfigMap", "oo-rollout")["data"]["candidate"] == ""


def test_a_rollout_has_pods_before_they_get_traffic_and_gives_it_back_before_they_go() -> None:
    traffic = Traffic(Subject(kind="model", name="tips"), stable="3", candidate="4", percent=50)
    values = SCORER | {
        "canary": pods("canary", SCORER | {"canary": {"enabled": False, "image": {"digest": ""}}})["canary"]
    }
    assert [backend["weight"] for backend in _rule(values)["backendRefs"]] == [100, 0]
    values = values | {"canary": values["canary"] | routes(traffic)["canary"]}
    assert [backend["weight"] for backend in _rule(values)["backendRefs"]] == [50, 50]
    over = Traffic(Subject(kind="model", name="tips"), stable="4")
    values = values | {"canary": values["canary"] | routes(over)["canary"] | unused(over)["canary"]}
    assert "Deployment/oo-canary" not in _names(values)


# What a pod is told


def test_each_role_runs_its_own_image() -> None:
    images = {role: _pod(SCORER | SHADOW | CANARY, role)["containers"][0]["image"] for role in ("stable", "shadow")}
    assert images == {"stable": f"oo-scorer@{STABLE}", "shadow": f"oo-scorer@{CANDIDATE}"}
    assert _pod(SCORER | CANARY, "canary")["containers"][0]["image"] == f"oo-scorer@{CANDIDATE}"
    tagged = SCORER | {"image": {"repository": "registry.example/scorer", "tag": "7"}}
    assert _pod(tagged, "stable")["containers"][0]["image"] == "registry.example/scorer:7"


def test_a_shadow_has_a_user_of_the_bus_of_its_own_and_a_canary_that_of_stable() -> None:
    for values, service in ((SCORER, "scorer"), (GENERATOR, "generator")):
        values = values | SHADOW | CANARY  # noqa: PLW2901 - both of them
        assert _environment(values, "stable")["OO_NATS_USER"] == f"oo-nats-{service}/user"
        assert _environment(values, "canary")["OO_NATS_PASSWORD"] == f"oo-nats-{service}/password"
        assert _environment(values, "shadow")["OO_NATS_USER"] == f"oo-nats-shadow-{service}/user"
        assert _environment(values, "shadow")["OO_NATS_PASSWORD"] == f"oo-nats-shadow-{service}/password"


def test_the_scorer_reads_its_settings_from_what_a_pod_is_told() -> None:
    values = SCORER | SHADOW | {"faults": {"shadow": {"errorsPercent": 12.5, "delaySeconds": 0.5}}}
    values |= {"limits": {"maxBodyBytes": 1_000_000, "tenantRequestsPerSecond": 1_000_000}}
    values |= {"settings": {"OO_ONLINE_STORE_TIMEOUT": 0.1}}
    settings = read(ScorerSettings, _environment(values, "shadow"))
    assert settings.serving_role is ServingRole.SHADOW
    assert settings.nats_password == SecretStr("oo-nats-shadow-scorer/password")
    assert (settings.fault_errors_percent, settings.fault_delay_seconds) == (12.5, 0.5)
    assert (settings.max_body_bytes, settings.online_store_timeout) == (1_000_000, 0.1)
    assert settings.mlflow_url == "http://oo-mlflow:5000"
    access = read(AccessSettings, _environment(values, "shadow"))
    assert access.callers == Path("/etc/oo/callers/callers.yaml")
    assert (access.tenant_requests_per_second, access.tenant_concurrency) == (1_000_000, 200)


def test_the_generator_reads_its_settings_from_what_a_pod_is_told() -> None:
    model = {"models": ["openai/small", "openai/tiny"], "existingSecret": "oo-llm", "apiBase": "http://llm/v1"}
    values = GENERATOR | {"llm": model, "callers": {"anyone": True}}
    values |= {"settings": {"OO_LLM_STREAM": False, "OO_LLM_MAX_PROMPT_TOKENS": 2_000_000}}
    settings = read(GeneratorSettings, _environment(values, "stable"))
    assert settings.llm_model == ("openai/small", "openai/tiny")
    assert settings.llm_api_key == SecretStr("oo-llm/api-key")
    assert settings.llm_api_base == "http://llm/v1"
    assert (settings.llm_daily_usd, settings.llm_timeout, settings.llm_stream) == (10, 5, False)
    assert settings.llm_max_prompt_tokens == 2_000_000
    assert read(AccessSettings, _environment(values, "stable")).callers == "anyone"


def test_faults_strike_the_role_that_they_are_for_and_stable_never() -> None:
    values = SCORER | SHADOW | CANARY | {"faults": {"canary": {"errorsPercent": 30}}}
    assert _environment(values, "canary")["OO_FAULT_ERRORS_PERCENT"] == "30"
    for role, more in (("stable", {}), ("shadow", {}), ("canary", {"OO_FAULT_ERRORS_PERCENT"})):
        told = {name for name in _environment(values, role) if name.startswith("OO_FAULT")}
        assert told == set(more)


def test_a_setting_that_the_chart_writes_itself_cannot_be_written_twice() -> None:
    model = {"models": ["openai/small"], "existingSecret": "oo-llm", "apiBase": "http://llm/v1"}
    everything: dict[str, Any] = SHADOW | {
        "faults": {"shadow": {"errorsPercent": 1, "delaySeconds": 1}},
        "catalog": {"configMap": "ours"},
        "limits": {"tenantRequestsPerSecond": 5},
    }
    allowed = {"shadow": SHADOW["shadow"] | {"llm": {"allowed": True, "dailyUsd": 1}}, "llm": model}
    written = _environment(SCORER | everything, "shadow") | _environment(GENERATOR | everything | allowed, "shadow")
    template = (HELM_CHARTS / "bento" / "templates" / "refusals.yaml").read_text()
    refused = set(re.findall(r'"(OO_[A-Z_]+)"', template))
    assert written.keys() - {"SERVING_ROLE"} == refused  # that one is no setting to the schema


def test_a_catalog_of_ones_own_is_mounted_and_a_new_one_makes_new_pods() -> None:
    def template(text: str) -> dict[str, Any]:
        values = SCORER | {"catalog": {"texts": {"b.yaml": text, "a.yaml": "tenants: []"}}}
        assert _environment(values, "stable")["OO_CATALOG"] == "/etc/oo/catalog/a.yaml,/etc/oo/catalog/b.yaml"
        objects = _render(values)
        assert find(objects, "ConfigMap", "oo-catalog")["data"]["b.yaml"] == text
        template = find(objects, "Deployment", "oo-stable")["spec"]["template"]
        assert {"name": "catalog", "configMap": {"name": "oo-catalog"}} in template["spec"]["volumes"]
        assert isinstance(template, dict)
        return template

    assert template("tenants: [1]") == template("tenants: [1]")
    assert template("tenants: [1]")["metadata"] != template("tenants: [2]")["metadata"]
    assert "OO_CATALOG" not in _environment(SCORER, "stable")
    there = SCORER | {"catalog": {"configMap": "ours", "files": ["x.yaml"]}}
    assert _environment(there, "stable")["OO_CATALOG"] == "/etc/oo/catalog/x.yaml"
    assert _names(there) == OF_STABLE


def test_callers_are_mounted_or_not_asked_for() -> None:
    callers = {"name": "callers", "secret": {"secretName": "oo-callers"}}
    assert callers in _pod(SCORER, "stable")["volumes"]
    anyone = _pod(SCORER | {"callers": {"anyone": True}}, "stable")
    assert [volume["name"] for volume in anyone["volumes"]] == ["tmp"]


@pytest.mark.parametrize("role", ["stable", "shadow", "canary"])
def test_no_request_is_lost_while_a_pod_leaves_or_a_new_one_comes(role: str) -> None:
    deployment = find(_render(SCORER | SHADOW | CANARY), "Deployment", f"oo-{role}")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert pod["terminationGracePeriodSeconds"] == 30
    probes = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/livez", "readiness": "/readyz", "liveness": "/livez"}


# Who reaches whom


def _arrows(values: dict[str, Any], role: str) -> dict[str, set[str]]:
    """Where the policies that hold for a role let its pods go and who may come, by a word of each peer."""
    allowed: dict[str, set[str]] = {"in": set(), "out": set()}
    for policy in _render(values):
        if policy["kind"] != "NetworkPolicy":
            continue
        selector = policy["spec"]["podSelector"]
        roles = {role for each in selector.get("matchExpressions", []) for role in each["values"]}
        if role not in roles | {selector["matchLabels"].get("app.kubernetes.io/component")}:
            continue
        for direction, key in (("in", "ingress"), ("out", "egress")):
            for rule in policy["spec"].get(key, []):
                ports = ",".join(str(port["port"]) for port in rule["ports"])
                allowed[direction] |= {f"{_word(peer)}:{ports}" for peer in rule["from" if key == "ingress" else "to"]}
    return allowed


def _word(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    labels = (peer.get("podSelector") or peer["namespaceSelector"])["matchLabels"]
    return str(labels.get("app.kubernetes.io/component") or labels["kubernetes.io/metadata.name"])


CALLED_BY = {"gateway:3000", "prometheus:3000", "promoter:3000", "test:3000"}


@pytest.mark.parametrize("role", ["stable", "shadow", "canary"])
def test_a_scorer_reaches_the_bus_and_the_registry(role: str) -> None:
    assert _arrows(SCORER | SHADOW | CANARY, role) == {
        "in": CALLED_BY,
        "out": {"kube-system:53,53", "nats:4222", "mlflow:5000"},
    }


def test_a_generator_reaches_the_bus_and_the_language_model_and_its_shadow_the_bus_alone() -> None:
    values = GENERATOR | SHADOW | CANARY
    base = {"kube-system:53,53", "nats:4222"}
    for role in ("stable", "canary"):
        assert _arrows(values, role) == {"in": CALLED_BY, "out": base | {"0.0.0.0/0:443"}}
    assert _arrows(values, "shadow") == {"in": CALLED_BY, "out": base}
    assert _arrows(GENERATOR | {"llm": {"models": ["offline"]}}, "stable")["out"] == base


def test_a_shadow_is_told_of_no_language_model_unless_it_may_ask_under_a_cap_of_its_own() -> None:
    model = {"models": ["openai/small"], "existingSecret": "oo-llm", "dailyUsd": 20}
    values = GENERATOR | SHADOW | {"llm": model}
    told = {name: value for name, value in _environment(values, "shadow").items() if name.startswith("OO_LLM")}
    assert told == {"OO_LLM_MODEL": "offline"}
    allowed = values | {"shadow": SHADOW["shadow"] | {"llm": {"allowed": True, "dailyUsd": 0.5}}}
    assert _environment(allowed, "shadow")["OO_LLM_MODEL"] == "openai/small"
    assert _environment(allowed, "shadow")["OO_LLM_DAILY_USD"] == "0.5"
    assert _environment(allowed, "stable")["OO_LLM_DAILY_USD"] == "20"
    assert "0.0.0.0/0:443" in _arrows(allowed, "shadow")["out"]


def test_the_pod_of_helm_test_reaches_stable_where_nobody_may_speak() -> None:
    assert _arrows(SCORER, "test") == {"in": set(), "out": {"kube-system:53,53", "stable:3000"}}


def test_no_policy_is_made_where_it_is_switched_off() -> None:
    assert _names(SCORER | {"networkPolicy": {"enabled": False}}) == OF_STABLE - {
        "NetworkPolicy/oo",
        "NetworkPolicy/oo-test",
    }


# KServe


def test_kserve_runs_the_same_pods_under_the_same_route() -> None:
    deployed = SCORER | SHADOW | CANARY
    served = deployed | {"workload": {"kind": "inferenceservice"}}
    kinds = {name.replace("Deployment/", "InferenceService/") for name in OF_STABLE | OF_SHADOW | OF_CANARY}
    assert _names(served, INFERENCE_SERVICE) == kinds
    for role in ("stable", "shadow", "canary"):
        service = find(_render(served, INFERENCE_SERVICE), "InferenceService", f"oo-{role}")
        assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
        assert service["metadata"]["labels"]["networking.kserve.io/visibility"] == "cluster-local"
        template = find(_render(deployed), "Deployment", f"oo-{role}")["spec"]["template"]
        template["spec"]["containers"][0]["name"] = "kserve-container"
        assert template["spec"].items() <= service["spec"]["predictor"].items()
        assert template["metadata"].items() <= service["spec"]["predictor"].items()
    rule = _rule(served, INFERENCE_SERVICE)
    assert rule["filters"][0]["requestMirror"]["backendRef"] == {"name": "oo-shadow-predictor", "port": 80}
    assert rule["backendRefs"] == [
        {"name": "oo-stable-predictor", "port": 80, "weight": 90},
        {"name": "oo-canary-predictor", "port": 80, "weight": 10},
    ]


def test_kserve_scales_stable_when_it_is_to_be_scaled() -> None:
    served = SCORER | {"workload": {"kind": "inferenceservice"}}

    def scaling(values: dict[str, Any]) -> tuple[str, Any, Any]:
        service = find(_render(values, INFERENCE_SERVICE), "InferenceService", "oo-stable")
        predictor = service["spec"]["predictor"]
        automat = service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"]
        return automat, predictor["minReplicas"], predictor.get("maxReplicas")

    assert scaling(served | {"replicas": 3}) == ("none", 3, None)
    scaled = served | {"autoscaling": {"enabled": True, "minReplicas": 4}}
    assert scaling(scaled) == ("hpa", 4, 6)
    assert not [name for name in _names(scaled, INFERENCE_SERVICE) if name.startswith("HorizontalPodAutoscaler")]


# `helm test`


@contextmanager
def _service(status: int, answer: str) -> Iterator[tuple[str, list[tuple[str | None, bytes]]]]:
    """A server that answers so, its address, and what it was sent: the authorization and the body."""
    heard: list[tuple[str | None, bytes]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.headers["authorization"], body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
            thread.join()


def _test_pod(values: dict[str, Any], url: str, callers: Path) -> subprocess.CompletedProcess[str]:
    """Run what the pod of `helm test` runs, against another address and callers file."""
    container = find(_render(values), "Pod", "oo-test")["spec"]["containers"][0]
    assert container["command"] == ["python3", "-c"]
    script, _, body, _ = container["args"]
    command = (sys.executable, "-c", script, url, body, str(callers))
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the chart's own


def test_the_test_of_a_release_asks_as_the_first_caller_and_passes_when_the_decision_was_recorded(
    tmp_path: Path,
) -> None:
    callers = tmp_path / "callers.yaml"
    callers.write_text("recommender: {tokens: [new, old]}\nother: {tokens: x}\n")
    with _service(200, '{"degraded": ["online_store"]}') as (url, heard):
        assert _test_pod(SCORER, url, callers).returncode == 0
        assert _test_pod(SCORER | {"test": {"body": {"a": 1}}}, url, tmp_path / "none").returncode == 0
    assert heard[0] == ("Bearer new", (HELM_CHARTS / "bento" / "files" / "scorer.json").read_bytes().strip())
    assert heard[1] == (None, b'{"a":1}')


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [(401, "no token", "answered 401: no token"), (200, '{"degraded": ["decision_log"]}', "not recorded")],
)
def test_the_test_of_a_release_fails_in_words(status: int, answer: str, words: str, tmp_path: Path) -> None:
    with _service(status, answer) as (url, _):
        run = _test_pod(SCORER, url, tmp_path / "none")
    assert run.returncode == 1
    assert words in run.stderr


def test_the_test_of_a_release_asks_stable_with_its_own_image() -> None:
    container = find(_render(GENERATOR), "Pod", "oo-test")["spec"]["containers"][0]
    assert container["image"] == f"oo-generator@{STABLE}"
    assert container["args"][1] == "http://oo-stable:3000/generate"
