"""The chart of the consumers: what it makes, what it leaves out, and what it refuses in which words."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from oo.events.subjects import DURABLES
from oo.settings import ArchiveSettings, ConsumerSettings, RewardsSettings
from tests.deploy.charts import (
    HELM_CHARTS,
    POD_MONITOR,
    SCALED_OBJECT,
    KubernetesObject,
    find,
    lint,
    name_of,
    refusal,
    render,
    validate,
)

SETTINGS = {"signals": ConsumerSettings, "archive": ArchiveSettings, "rewards": RewardsSettings}
VALUE_SETS = sorted((HELM_CHARTS / "consumers" / "ci").glob("*-values.yaml"))


def consumers(values: dict[str, Any], *api_versions: str) -> list[KubernetesObject]:
    return render("consumers", values, api_versions, release="oo-consumers")


def pod_of(objects: list[KubernetesObject], name: str) -> dict[str, Any]:
    pod: dict[str, Any] = find(objects, "Deployment", f"oo-consumers-{name}")["spec"]["template"]["spec"]
    return pod


def environment(objects: list[KubernetesObject], name: str) -> dict[str, Any]:
    env = pod_of(objects, name)["containers"][0]["env"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in env}


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_every_value_set_lints_and_renders_what_an_apiserver_takes(values: Path) -> None:
    given = yaml.safe_load(values.read_text())
    objects = consumers(given, SCALED_OBJECT, POD_MONITOR)
    validate(objects)
    assert any(each["kind"] == "Deployment" for each in objects)
    if "autoscaled" not in values.stem:  # which a linter without a cluster refuses for want of KEDA
        lint("consumers", given)


def test_each_consumer_is_a_deployment_with_its_own_program_and_user_of_the_bus() -> None:
    objects = consumers({})
    for name in SETTINGS:
        assert pod_of(objects, name)["containers"][0]["args"] == [f"consumers.{name}"]
        env = environment(objects, name)
        assert env["OO_NATS_USER"] == {"secretKeyRef": {"name": f"oo-nats-{name}", "key": "user"}}
        assert env["OO_NATS_PASSWORD"] == {"secretKeyRef": {"name": f"oo-nats-{name}", "key": "password"}}


def test_a_consumer_that_is_switched_off_leaves_nothing() -> None:
    everything = {
        "autoscaling": {"enabled": True},
    }
    values = {"consumers": {"signals": {"enabled": False, **everything}, "rewards": everything, "archive": everything}}
    objects = consumers(values, SCALED_OBJECT)
    assert not [name for name in map(name_of, objects) if name.endswith("-signals")]
    kinds = {name_of(each).partition("/")[0] for each in objects if name_of(each).endswith("-rewards")}
    assert kinds == {"Deployment", "ScaledObject", "PodDisruptionBudget", "NetworkPolicy"}


def test_what_a_pod_is_told_are_settings_that_its_program_reads() -> None:
    settings = {"OO_BATCH_SIZE": 7, "OO_BATCH_SECONDS": 2.5, "OO_POLICY_STATE_SECONDS": 1}
    objects = consumers(
        {
            "consumers": {
                "signals": {"settings": {"OO_BATCH_SIZE": 7}},
                "archive": {"settings": {"OO_BATCH_SIZE": 7, "OO_BATCH_SECONDS": 2.5}},
                "rewards": {"settings": settings},
            }
        }
    )
    for name, read in SETTINGS.items():
        known = {f"OO_{field.upper()}" for field in read.model_fields}
        assert environment(objects, name).keys() <= known
    assert {key: environment(objects, "rewards")[key] for key in settings} == {
        "OO_BATCH_SIZE": "7",
        "OO_BATCH_SECONDS": "2.5",
        "OO_POLICY_STATE_SECONDS": "1",
    }


def test_every_pod_is_restricted_and_writes_to_nothing_but_its_own_folders() -> None:
    objects = consumers({})
    for name in SETTINGS:
        pod = pod_of(objects, name)
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 1034
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    assert find(objects, "ServiceAccount", "oo-consumers")["automountServiceAccountToken"] is False


def test_a_pod_gets_longer_to_stop_than_its_batch() -> None:
    objects = consumers({"drainSeconds": 45})
    for name in SETTINGS:
        assert environment(objects, name)["OO_DRAIN_SECONDS"] == "45"
        assert pod_of(objects, name)["terminationGracePeriodSeconds"] == 55


def test_keda_looks_at_every_place_in_a_stream_that_a_consumer_has() -> None:
    scaled = {"autoscaling": {"enabled": True, "lag": 700, "scaleDownSeconds": 30}}
    objects = consumers({"consumers": dict.fromkeys(SETTINGS, scaled)}, SCALED_OBJECT)
    for name in SETTINGS:
        scaled_object = find(objects, "ScaledObject", f"oo-consumers-{name}")["spec"]
        behavior = scaled_object["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior == {"scaleDown": {"stabilizationWindowSeconds": 30}}
        triggers = scaled_object["triggers"]
        assert {(each["metadata"]["stream"], each["metadata"]["consumer"]) for each in triggers} == {
            (durable.stream, durable.name) for durable in DURABLES if durable.consumer == name
        }
        for each in triggers:
            assert each["type"] == "nats-jetstream"
            assert each["metadata"]["account"] == "OO"
            assert each["metadata"]["lagThreshold"] == "700"
            assert each["metadata"]["natsServerMonitoringEndpoint"] == "oo-nats.oo:8222"


def test_keda_and_the_deployment_do_not_both_say_how_many() -> None:
    objects = consumers({"consumers": {"signals": {"autoscaling": {"enabled": True}}}}, SCALED_OBJECT)
    assert "replicas" not in find(objects, "Deployment", "oo-consumers-signals")["spec"]
    assert find(objects, "Deployment", "oo-consumers-rewards")["spec"]["replicas"] == 1
    assert [name_of(each) for each in objects if each["kind"] == "ScaledObject"] == [
        "ScaledObject/oo-consumers-signals"
    ]


def test_the_archive_alone_has_the_offline_store_and_the_rewards_alone_the_database() -> None:
    objects = consumers({})
    claims = {
        name: [volume for volume in pod_of(objects, name)["volumes"] if "persistentVolumeClaim" in volume]
        for name in SETTINGS
    }
    assert claims == {
        "signals": [],
        "archive": [{"name": "offline-store", "persistentVolumeClaim": {"claimName": "oo-offline-store"}}],
        "rewards": [],
    }
    assert environment(objects, "archive")["OO_OFFLINE_STORE"] == "/var/lib/oo/offline"
    assert environment(objects, "rewards")["OO_TIP_SCORES_URL"] == {
        "secretKeyRef": {"name": "oo-postgres", "key": "url"}
    }
    for name in ("signals", "archive"):
        assert "OO_TIP_SCORES_URL" not in environment(objects, name)
    for name in ("signals", "rewards"):
        assert "OO_OFFLINE_STORE" not in environment(objects, name)


def test_the_keys_of_an_object_store_reach_the_archive_and_nobody_else() -> None:
    store = {"claim": "", "uri": "s3://events/oo", "credentialsSecret": "writer"}
    objects = consumers({"offlineStore": store})
    assert environment(objects, "archive")["OO_OFFLINE_STORE"] == "s3://events/oo"
    assert not [volume for volume in pod_of(objects, "archive")["volumes"] if "persistentVolumeClaim" in volume]
    given = {name: pod_of(objects, name)["containers"][0].get("envFrom") for name in SETTINGS}
    assert given == {"signals": None, "archive": [{"secretRef": {"name": "writer"}}], "rewards": None}


def test_only_an_archive_on_a_volume_stops_before_the_next_one_starts() -> None:
    def strategies(values: dict[str, Any]) -> dict[str, str]:
        objects = consumers(values)
        return {
            name: find(objects, "Deployment", f"oo-consumers-{name}")["spec"]["strategy"]["type"] for name in SETTINGS
        }

    rolling = dict.fromkeys(SETTINGS, "RollingUpdate")
    assert strategies({}) == rolling | {"archive": "Recreate"}
    assert strategies({"offlineStore": {"claim": "", "uri": "s3://events/oo"}}) == rolling


def test_rewards_read_every_catalog_file_of_the_config_map() -> None:
    objects = consumers({"catalog": {"configMap": "tenants", "files": ["a.yaml", "b.yaml"]}})
    assert environment(objects, "rewards")["OO_CATALOG"] == "/etc/oo/catalog/a.yaml,/etc/oo/catalog/b.yaml"
    assert {"name": "catalog", "configMap": {"name": "tenants"}} in pod_of(objects, "rewards")["volumes"]


def test_an_image_is_named_by_its_digest_when_there_is_one() -> None:
    def image(values: dict[str, str]) -> str:
        told: str = pod_of(consumers({"image": values}), "signals")["containers"][0]["image"]
        return told

    digest = "sha256:" + "a" * 64
    assert image({}) == "oo-consumers:0.1.0"
    assert image({"repository": "r/oo-consumers", "tag": "7"}) == "r/oo-consumers:7"
    assert image({"tag": "7", "digest": digest}) == f"oo-consumers@{digest}"


def test_the_prometheus_operator_is_told_where_it_is_and_asked_for() -> None:
    wanted = {"monitoring": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}}
    monitor = find(consumers(wanted, POD_MONITOR), "PodMonitor", "oo-consumers")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "http"
    for objects in (consumers(wanted), consumers({}, POD_MONITOR)):
        assert not [each for each in objects if each["kind"] == "PodMonitor"]


def test_no_policies_are_made_where_they_are_not_wanted() -> None:
    assert len([each for each in consumers({}) if each["kind"] == "NetworkPolicy"]) == 3
    assert not [each for each in consumers({"networkPolicy": {"enabled": False}}) if each["kind"] == "NetworkPolicy"]


def test_each_consumer_goes_to_what_it_writes_and_nowhere_else() -> None:
    def ports(values: dict[str, Any], name: str) -> set[int]:
        policy = find(consumers(values), "NetworkPolicy", f"oo-consumers-{name}")["spec"]
        return {each["port"] for rule in policy["egress"] for each in rule["ports"]}

    assert {name: ports({}, name) for name in SETTINGS} == {
        "signals": {53, 4222},
        "archive": {53, 4222},
        "rewards": {53, 4222, 5432},
    }
    store = {"offlineStore": {"claim": "", "uri": "s3://events/oo"}}
    assert {name: ports(store, name) for name in SETTINGS} == {
        "signals": {53, 4222},
        "archive": {53, 4222, 443},
        "rewards": {53, 4222, 5432},
    }


def test_nobody_reads_metrics_where_nobody_is_named() -> None:
    policy = find(consumers({"networkPolicy": {"monitoring": []}}), "NetworkPolicy", "oo-consumers-signals")["spec"]
    assert "Ingress" in policy["policyTypes"]
    assert "ingress" not in policy


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"consumers": {"signals": {"autoscaling": {"enabled": True}}}},
            "consumers.signals.autoscaling.enabled needs KEDA, and this cluster does not serve keda.sh/v1alpha1",
        ),
        ({"offlineStore": {"uri": "s3://events"}}, 'offlineStore has both claim "oo-offline-store" and uri "s3://ev'),
        ({"offlineStore": {"claim": ""}}, "offlineStore has neither claim nor uri"),
        ({"offlineStore": {"credentialsSecret": "writer"}}, "offlineStore.credentialsSecret is for an object store"),
        ({"consumers": {"scorer": {"enabled": True}}}, "scorer"),
        ({"consumers": {"signals": {"settings": {"OO_BATCHSIZE": 1}}}}, "OO_BATCHSIZE"),
        ({"nats": {"url": "nats://user:secret@oo-nats:4222"}}, "nats.url: "),
        ({"image": {"digest": "latest"}}, "image.digest: "),
        (
            {"consumers": {"signals": {"autoscaling": {"minReplicas": 0}}}},
            "consumers.signals.autoscaling.minReplicas: ",
        ),
        ({"networkPolicy": {"dns": []}}, "networkPolicy.dns: "),
        ({"tipScores": {"key": None}}, "tipScores: "),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_it_refuses(values: dict[str, Any], words: str) -> None:
    assert words in refusal("consumers", values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"consumers": {"signals": {"autoscaling": {"enabled": True, "minReplicas": 5}}}},
            "consumers.signals.autoscaling: minReplicas 5 is above maxReplicas 4.",
        ),
        (
            {"consumers": {"signals": {"autoscaling": {"enabled": True}}}, "nats": {"url": "nats://a,nats://b"}},
            "nats.url has several servers, so nats.monitoring must say where KEDA asks",
        ),
    ],
    ids=("more at least than at most", "one of several servers"),
)
def test_it_refuses_with_keda(values: dict[str, Any], words: str) -> None:
    assert words in refusal("consumers", values, [SCALED_OBJECT])


def test_it_refuses_a_release_whose_name_leaves_no_room() -> None:
    assert "choose one of 40 characters at most" in refusal("consumers", {}, release="a" * 41)
