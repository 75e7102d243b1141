"""Who may reach whom when all charts stand in one namespace: the arrows of the design, and no others."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests.deploy.charts import KubernetesObject, render

Arrow = tuple[str, str, int]

# Who asks, who answers, on which port.
ARROWS: set[Arrow] = {
    *((asking, "nats", 4222) for asking in ("scorer", "generator", "signals", "archive", "rewards")),
    *(
        (asking, answering, port)
        for asking in ("bootstrap", "promoter")
        for answering, port in (("nats", 4222), ("mlflow", 5000))
    ),
    ("scorer", "mlflow", 5000),
    ("promoter", "scorer", 3000),
    ("rewards", "postgres", 5432),
    ("promoter", "postgres", 5432),
}
PORTS = (3000, 3100, 4222, 5000, 5432, 8222)


@pytest.fixture(scope="module")
def objects() -> list[KubernetesObject]:
    def bento(service: str) -> list[KubernetesObject]:
        values = {"service": service, "callers": {"anyone": True}}
        return render("bento", values, release=f"oo-{service}")

    return [
        *render("platform", {"promoter": {"models": ["tips"]}}, release="platform"),
        *render("consumers", {}, release="oo-consumers"),
        *bento("scorer"),
        *bento("generator"),
    ]


def pods(objects: list[KubernetesObject]) -> dict[str, Mapping[str, str]]:
    """The labels of each kind of pod, by what it is."""
    found = {}
    for each in objects:
        spec = each.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            labels = spec["template"]["metadata"]["labels"]
            served = labels["app.kubernetes.io/name"].removeprefix("oo-")
            found[served if served in ("scorer", "generator") else labels["app.kubernetes.io/component"]] = labels
    return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def lets(
    policies: list[KubernetesObject], way: str, of: Mapping[str, str], other: Mapping[str, str], port: int
) -> bool:
    """Whether these pods may have this connection with the other pods of the namespace."""
    end = {"ingress": "from", "egress": "to"}[way]
    of_these = [each["spec"] for each in policies if selects(each["spec"]["podSelector"], of)]
    holding = [spec for spec in of_these if way.capitalize() in spec["policyTypes"]]
    rules = [rule for spec in holding for rule in spec.get(way, []) if port in (each["port"] for each in rule["ports"])]
    peers = [peer for rule in rules for peer in rule[end]]
    return not holding or any(
        "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], other)
        for peer in peers
    )


def arrows(objects: list[KubernetesObject]) -> Iterator[Arrow]:
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    there = pods(objects)
    for asking, answering, port in product(there, there, PORTS):
        out = lets(policies, "egress", there[asking], there[answering], port)
        if out and lets(policies, "ingress", there[answering], there[asking], port):
            yield asking, answering, port


def test_the_pods_reach_each_other_by_the_arrows_of_the_design_and_by_no_others(
    objects: list[KubernetesObject],
) -> None:
    assert pods(objects).keys() == {name for asking, answering, _ in ARROWS for name in (asking, answering)} | {"users"}
    assert set(arrows(objects)) == ARROWS


def test_no_pod_is_without_a_policy_for_both_ways(objects: list[KubernetesObject]) -> None:
    policies = [each["spec"] for each in objects if each["kind"] == "NetworkPolicy"]
    for name, labels in pods(objects).items():
        held = {way for spec in policies if selects(spec["podSelector"], labels) for way in spec["policyTypes"]}
        assert held == {"Ingress", "Egress"}, name


def test_only_who_speaks_with_the_apiserver_may_go_to_its_ports(objects: list[KubernetesObject]) -> None:
    going = {
        each["metadata"]["name"]
        for each in objects
        if each["kind"] == "NetworkPolicy"
        for rule in each["spec"].get("egress", [])
        if {"port": 6443, "protocol": "TCP"} in rule["ports"]
    }
    assert going == {"oo-users", "oo-promoter"}


def test_others_are_denied_where_that_is_wanted_and_callers_and_readers_are_let_in() -> None:
    def peers(objects: list[KubernetesObject], policy: str) -> list[Mapping[str, Any]]:
        (found,) = (each for each in objects if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == policy)
        return [peer for rule in found["spec"]["ingress"] for peer in rule["from"]]

    caller, reader = ({"namespaceSelector": {"matchLabels": {"team": name}}} for name in ("recommender", "admin"))
    before = render("platform", {})
    after = render("platform", {"networkPolicy": {"denyOthers": True, "callers": [caller], "rewardReaders": [reader]}})
    for policy, who in (("oo-nats", caller), ("oo-postgres", reader)):
        assert who not in peers(before, policy)
        assert who in peers(after, policy)
    (new,) = {each["metadata"]["name"] for each in after if each["kind"] == "NetworkPolicy"} - {
        each["metadata"]["name"] for each in before
    }
    (denial,) = (each["spec"] for each in after if each["metadata"]["name"] == new)
    assert denial == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
