"""The chart of what oO stands on: what it makes, what it leaves out, and what it refuses in which words."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from oo.bus.roles import ROLES
from oo.bus.users import make
from oo.events.subjects import StreamName
from oo.rollout.requirements import Requirements
from oo.settings import PipelineSettings
from tests.deploy.charts import HELM_CHARTS, ROOT, KubernetesObject, find, lint, name_of, refusal, render, validate

CHART = HELM_CHARTS / "platform"
VALUE_SETS = sorted((CHART / "ci").glob("*-values.yaml"))
EXTERNAL = yaml.safe_load((CHART / "ci" / "external-values.yaml").read_text())
CHANGES = ["get", "list", "watch", "create", "update", "patch", "delete"]


def platform(values: Mapping[str, Any]) -> list[KubernetesObject]:
    return render("platform", values, release="platform")


def pods(objects: list[KubernetesObject]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The pods' specs, each with the name of what makes it."""
    for each in objects:
        spec = each.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield name_of(each), spec["template"]["spec"]


def pod_of(objects: list[KubernetesObject], name: str) -> dict[str, Any]:
    """The pod's spec of the one workload whose name begins so."""
    (found,) = (pod for made_by, pod in pods(objects) if made_by.startswith(name))
    return found


def environment(pod: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in pod["containers"][0]["env"]}


def names(objects: list[KubernetesObject]) -> set[str]:
    return {name_of(each) for each in objects}


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_every_value_set_lints_and_renders_what_an_apiserver_takes(values: Path) -> None:
    given = yaml.safe_load(values.read_text())
    validate(platform(given))
    lint("platform", given)


def test_a_first_install_has_a_server_of_each_kind_and_a_volume_for_each() -> None:
    objects = platform({})
    there = names(objects)
    assert {"StatefulSet/oo-nats", "Deployment/oo-mlflow", "StatefulSet/oo-postgres"} <= there
    assert {"Service/oo-nats", "Service/oo-mlflow", "Service/oo-postgres"} <= there
    assert {"PersistentVolumeClaim/oo-mlflow", "PersistentVolumeClaim/oo-offline-store"} <= there
    for name in ("oo-nats", "oo-postgres"):
        assert find(objects, "StatefulSet", name)["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"nats": EXTERNAL["nats"]}, "oo-nats"),
        ({"mlflow": EXTERNAL["mlflow"]}, "oo-mlflow"),
        ({"postgres": EXTERNAL["postgres"]}, "oo-postgres"),
        ({"offlineStore": EXTERNAL["offlineStore"]}, "oo-offline-store"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_elsewhere_is_not_made_here(values: dict[str, Any], gone: str) -> None:
    assert [name for name in names(platform({})) if name.endswith(f"/{gone}")]
    assert not [name for name in names(platform(values)) if name.endswith(f"/{gone}")]


def test_the_jobs_ask_what_is_elsewhere() -> None:
    objects = platform(EXTERNAL)
    bootstrap = environment(pod_of(objects, "Job/tips-bootstrap"))
    promoter = environment(pod_of(objects, "CronJob/tips-promoter-digits"))
    for env, role in ((bootstrap, "bootstrap"), (promoter, "promoter")):
        assert env["OO_NATS_URL"] == "nats://nats-0.nats.bus:4222,nats://nats-1.nats.bus:4222"
        assert env["OO_NATS_PASSWORD"] == {"secretKeyRef": {"name": f"bus-{role}", "key": "password"}}
        assert env["OO_MLFLOW_URL"] == "https://mlflow.example.com"
    assert promoter["OO_TIP_SCORES_URL"] == {"secretKeyRef": {"name": "tip-scores", "key": "url"}}
    assert promoter["OO_OFFLINE_STORE"] == "s3://events/oo"
    assert pod_of(objects, "CronJob/tips-promoter-digits")["containers"][0]["envFrom"] == [
        {"secretRef": {"name": "events-reader"}}
    ]


def test_what_the_jobs_are_told_are_settings_that_their_program_reads() -> None:
    known = {f"OO_{field.upper()}" for field in PipelineSettings.model_fields}
    objects = platform(EXTERNAL | {"promoter": {"models": ["tips"], "requirements": {"shadow_hold": "PT6H"}}})
    told = [environment(pod) for _, pod in pods(objects)]
    assert {name for env in told for name in env if name.startswith("OO_")} - known == {"OO_NATS_SECRET_PREFIX"}
    bootstrap = environment(pod_of(objects, "Job/tips-bootstrap"))
    assert bootstrap["OO_STREAM_REPLICAS"] == "3"
    assert json.loads(bootstrap["OO_STREAM_MAX_AGE_DAYS"]) == {"SIGNALS": 14, "DECISIONS": 180}
    assert json.loads(bootstrap["OO_STREAM_MAX_BYTES"]) == {"SIGNALS": 50_000_000_000}
    promoter = environment(pod_of(objects, "CronJob/tips-promoter-tips"))
    assert Requirements.model_validate_json(promoter["OO_ROLLOUT"]).shadow_hold.total_seconds() == 6 * 3600


def test_the_schema_knows_the_streams_and_what_a_rollout_requires() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    assert schema["promoter"]["properties"]["requirements"]["properties"].keys() == Requirements.model_fields.keys()
    for limit in ("maxAgeDays", "maxBytes"):
        assert set(schema["streams"]["properties"][limit]["properties"]) == set(get_args(StreamName))


def test_every_pod_is_restricted() -> None:
    for values in ({"promoter": {"models": ["tips"]}}, EXTERNAL):
        for made_by, pod in pods(platform(values)):
            assert pod["securityContext"].items() >= {
                ("runAsNonRoot", True),
                ("runAsUser", 1034),
                ("runAsGroup", 1034),
            }, made_by
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, made_by
            for container in pod["containers"]:
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }, made_by
                assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"], made_by  # noqa: S108 - in a pod


def test_only_who_speaks_with_the_apiserver_has_a_token() -> None:
    objects = platform({"promoter": {"models": ["tips"]}})
    assert not any(pod["enableServiceLinks"] for _, pod in pods(objects))
    with_token = {made_by for made_by, pod in pods(objects) if pod["automountServiceAccountToken"]}
    assert with_token == {"Job/oo-users", "Job/oo-users-removal", "CronJob/oo-promoter-tips"}
    accounts = {made_by: pod["serviceAccountName"] for made_by, pod in pods(objects)}
    assert accounts["CronJob/oo-promoter-tips"] == "oo-promoter"
    assert {accounts[made_by] for made_by in accounts.keys() - with_token} == {"oo-platform"}
    assert find(objects, "ServiceAccount", "oo-platform")["automountServiceAccountToken"] is False


def test_the_right_to_secrets_is_to_those_of_the_users_and_ends_with_the_job() -> None:
    objects = platform({})
    making, changing = find(objects, "Role", "oo-users")["rules"]
    assert making == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}
    made = [f"oo-nats-{role}" for role in (*ROLES, "server")]
    assert sorted(changing["resourceNames"]) == sorted([*made, "oo-postgres"])
    assert changing["verbs"] == ["get", "update", "delete"]
    for kind in ("ServiceAccount", "Role", "RoleBinding", "Job"):
        annotations = find(objects, kind, "oo-users")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"].startswith("pre-install,pre-upgrade")
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"


def test_without_users_to_make_nobody_may_see_a_secret() -> None:
    objects = platform({"users": {"create": False}, "postgres": {"externalSecret": "scores"}})
    assert not [name for name in names(objects) if name.partition("/")[2].startswith("oo-users")]
    rules = [rule for each in objects if each["kind"] == "Role" for rule in each["rules"]]
    assert rules
    assert not [rule for rule in rules if "secrets" in rule["resources"]]


def test_the_promoter_may_change_what_the_bento_chart_renders_and_look_at_what_follows() -> None:
    rules = find(platform({}), "Role", "oo-promoter")["rules"]
    changed = {kind for rule in rules if rule["verbs"] == CHANGES for kind in rule["resources"]}
    seen = {kind for rule in rules if rule["verbs"] != CHANGES for kind in rule["resources"]}
    assert seen == {"pods", "replicasets"}
    assert [rule["verbs"] for rule in rules if rule["verbs"] != CHANGES] == [CHANGES[:3], CHANGES[:3]]
    templates = [path for path in (HELM_CHARTS / "bento" / "templates").rglob("*.yaml") if path.parent.name != "tests"]
    lines = [line for path in templates for line in path.read_text().splitlines()]
    kinds = {line.removeprefix("kind:").strip() for line in lines if line.startswith("kind:")}
    assert changed == {
        kind.lower().removesuffix("y") + "ies" if kind.endswith("cy") else kind.lower() + "s" for kind in kinds
    }


def test_a_promoter_that_is_not_wanted_has_no_rights() -> None:
    there = names(platform({"promoter": {"enabled": False}}))
    assert not [name for name in there if "promoter" in name]
    assert "CronJob" not in {name.partition("/")[0] for name in names(platform({}))}


def test_each_model_is_moved_by_one_run_at_a_time() -> None:
    objects = platform({"promoter": {"models": ["tips", "digits_v2"], "schedule": "7 * * * *", "release": "ours"}})
    for name, model in (("oo-promoter-tips", "tips"), ("oo-promoter-digits-v2", "digits_v2")):
        spec = find(objects, "CronJob", name)["spec"]
        assert (spec["schedule"], spec["concurrencyPolicy"]) == ("7 * * * *", "Forbid")
        pod = pod_of(objects, f"CronJob/{name}")
        assert pod["containers"][0]["command"][-1] == model
        env = environment(pod)
        assert (env["OO_TRAFFIC"], env["OO_HELM_RELEASE"], env["OO_HELM_NAMESPACE"]) == ("helm", "ours", "oo")
        assert (env["OO_HELM_CHART"], env["HELM_DRIVER"]) == ("/app/helm/bento", "configmap")


@pytest.mark.parametrize(("code", "told"), [(0, 0), (1, 1), (3, 0), (4, 0), (5, 5)])
def test_a_rollout_that_holds_or_goes_back_is_no_job_that_failed(tmp_path: Path, code: int, told: int) -> None:
    command = pod_of(platform({"promoter": {"models": ["tips"]}}), "CronJob/oo-promoter-tips")["containers"][0]
    program = tmp_path / "python3"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit {code}\n')
    program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run(command["command"], env=environ, check=False)  # noqa: S603 - as the pod runs it
    assert run.returncode == told
    assert (tmp_path / "asked").read_text() == "-m oo rollout advance tips --who promoter\n"


def test_the_bootstrap_runs_again_when_it_would_do_something_else_and_only_then() -> None:
    def job(values: Mapping[str, Any]) -> str:
        (name,) = (name for name in names(platform(values)) if name.startswith("Job/oo-bootstrap-"))
        return name

    first = job({})
    assert job({"promoter": {"models": ["tips"]}, "keepData": True}) == first
    others = {
        job({"catalog": {"files": {"tips.yaml": "tenants: []"}}}),
        job({"streams": {"maxAgeDays": {"SIGNALS": 3}}}),
        job({"image": {"tag": "2"}}),
    }
    assert len(others | {first}) == 4


def test_the_offline_store_is_mounted_by_a_pod_of_the_install_so_that_waiting_for_its_claim_ends() -> None:
    claim = {"name": "offline-store", "persistentVolumeClaim": {"claimName": "oo-offline-store"}}
    objects = platform({})
    assert claim in pod_of(objects, "Job/oo-bootstrap")["volumes"]
    (bootstrap,) = (each for each in objects if name_of(each).startswith("Job/oo-bootstrap"))
    assert "annotations" not in bootstrap["metadata"]  # a hook would begin when all is ready, the claim included


def test_without_a_catalog_it_is_the_example_that_the_laptop_has() -> None:
    shipped = find(platform({}), "ConfigMap", "oo-catalog")["data"]
    assert shipped == {"tips.yaml": (ROOT / "catalog" / "tips.yaml").read_text()}
    own = platform({"catalog": {"files": {"b.yaml": "tenants: []\n", "a.yaml": "x"}}})
    assert find(own, "ConfigMap", "oo-catalog")["data"] == {"a.yaml": "x", "b.yaml": "tenants: []\n"}
    paths = environment(pod_of(own, "Job/oo-bootstrap"))["OO_CATALOG"]
    assert paths == "/etc/oo/catalog/a.yaml,/etc/oo/catalog/b.yaml"


def test_an_uninstall_leaves_nothing_unless_the_data_shall_stay() -> None:
    def stays(values: Mapping[str, Any]) -> set[str]:
        objects = platform(values)
        kept = {"helm.sh/resource-policy": "keep"}
        claims = {name_of(each) for each in objects if each["metadata"].get("annotations") == kept}
        sets = (each for each in objects if each["kind"] == "StatefulSet")
        return claims | {
            name_of(each)
            for each in sets
            if each["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] != "Delete"
        }

    assert stays({}) == set()
    assert stays({"keepData": True}) == {
        "StatefulSet/oo-nats",
        "StatefulSet/oo-postgres",
        "PersistentVolumeClaim/oo-mlflow",
        "PersistentVolumeClaim/oo-offline-store",
    }


def test_the_passwords_go_when_the_data_goes() -> None:
    objects = platform({})
    removal = find(objects, "Job", "oo-users-removal")
    assert removal["metadata"]["annotations"]["helm.sh/hook"] == "post-delete"
    assert "post-delete" in find(objects, "Role", "oo-users")["metadata"]["annotations"]["helm.sh/hook"]
    named = find(objects, "Role", "oo-users")["rules"][1]["resourceNames"]
    assert removal["spec"]["template"]["spec"]["containers"][0]["args"] == named

    kept = platform({"keepData": True})
    assert "Job/oo-users-removal" not in names(kept)
    role = find(kept, "Role", "oo-users")
    assert "delete" not in role["rules"][1]["verbs"]
    assert "post-delete" not in role["metadata"]["annotations"]["helm.sh/hook"]


class HeldSecrets:
    held: dict[str, Mapping[str, str]]

    def __init__(self, namespace: str) -> None:
        assert namespace == "here"

    def get(self, name: str) -> Mapping[str, str] | None:
        return self.held.get(name)

    def put(self, name: str, fields: Mapping[str, str]) -> None:
        self.held[name] = fields


def test_the_database_gets_a_password_once(monkeypatch: pytest.MonkeyPatch) -> None:
    HeldSecrets.held = {}
    monkeypatch.setattr("oo.bus.kubernetes_secrets.KubernetesSecrets", HeldSecrets)
    for name, value in {"POSTGRES_SECRET": "oo-postgres", "POSTGRES_HOST": "db", "POD_NAMESPACE": "here"}.items():
        monkeypatch.setenv(name, value)
    script = CHART / "files" / "postgres_secret.py"
    runpy.run_path(str(script))
    made = HeldSecrets.held["oo-postgres"]
    assert len(made["password"]) >= 32
    assert made["url"] == f"postgresql+psycopg://oo:{made['password']}@db:5432/tip_scores"
    runpy.run_path(str(script))
    assert HeldSecrets.held == {"oo-postgres": made}
    run = find(platform({}), "Job", "oo-users")["spec"]["template"]["spec"]["containers"][1]
    assert run["command"] == ["python3", "-c", script.read_text()]


def test_the_bus_takes_its_configuration_with_the_users_that_the_job_makes(tmp_path: Path) -> None:
    HeldSecrets.held = {}
    make(HeldSecrets("here"), "oo-nats")
    configuration = find(platform({}), "ConfigMap", "oo-nats")["data"]["nats.conf"]
    (tmp_path / "nats.conf").write_text(configuration.replace("/data", str(tmp_path / "data")))
    (tmp_path / "auth.conf").write_text(HeldSecrets.held["oo-nats-server"]["auth.conf"])
    server = Path(sys.executable).parent / "nats-server"
    run = subprocess.run(  # noqa: S603 - our own program, by its path
        [server, "--config", tmp_path / "nats.conf", "-t"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_registry_answers_to_the_names_of_its_service_and_to_no_others() -> None:
    command = pod_of(platform({"mlflow": {"allowedHosts": ["ml.example:443"]}}), "Deployment/oo-mlflow")["containers"][
        0
    ]
    (allowed,) = (word for word in command["command"] if word.startswith("--allowed-hosts="))
    hosts = allowed.removeprefix("--allowed-hosts=").split(",")
    assert {"oo-mlflow:5000", "oo-mlflow.oo:5000", "oo-mlflow.oo.svc.cluster.local:5000", "ml.example:443"} <= set(
        hosts
    )
    assert all("*" not in host and host for host in hosts)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"streams": {"replicas": 3}}, "streams.replicas is 3, and the bus of this chart is one server"),
        ({"users": {"create": False}}, "nobody makes the Secret oo-postgres that the database here needs"),
        ({"offlineStore": {"credentialsSecret": "k"}}, "offlineStore.credentialsSecret is for an object store"),
        (
            {"promoter": {"enabled": False, "models": ["tips"]}},
            "promoter.models names tips, and promoter.enabled is false",
        ),
        ({"promoter": {"requirements": {"shadowhold": "PT1H"}}}, "shadowhold"),
        ({"streams": {"maxAgeDays": {"SIGNAL": 1}}}, "SIGNAL"),
        ({"nats": {"externalUrl": "nats://user:secret@nats:4222"}}, "nats.externalUrl: "),
        ({"nats": {"image": {"name": "nats"}}}, "nats.image: "),
        ({"name": "Oo"}, "- name: "),
        ({"networkPolicy": {"nats": {"to": []}}}, "networkPolicy.nats.to: "),
        ({"postgres": {"storage": None}}, "postgres: "),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_it_refuses(values: dict[str, Any], words: str) -> None:
    assert words in refusal("platform", values)
