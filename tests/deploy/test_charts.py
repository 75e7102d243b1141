"""What the other tests of this folder stand on: `charts.py` takes what an apiserver takes, and nothing else."""

import pytest

from tests.deploy.charts import KubernetesObject, find, refusal, render, validate

CONTAINER = {"name": "web", "image": "web:1"}


def _pod(**spec: object) -> KubernetesObject:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [CONTAINER], **spec},
    }


def _route(**rule: object) -> KubernetesObject:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80}], **rule}]},
    }


def test_what_an_apiserver_takes_is_taken() -> None:
    validate([_pod(), _route(matches=[{"path": {"type": "Exact", "value": "/"}}])])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (_pod(restartpolicy="Never"), "restartpolicy"),
        (_pod(terminationGracePeriodSeconds="30"), "integer"),
        (_pod(containers=[CONTAINER, CONTAINER]), "stands twice in containers"),
        (_pod(containers=[{**CONTAINER, "env": [{"name": "A"}, {"name": "A"}]}]), "stands twice in env"),
        (_pod() | {"metadata": {"name": "web", "labels": {"app": "no spaces"}}}, "label app"),
        (_route(filter=[]), "filter"),
        (_route(backendRefs=[{"name": "web", "port": 0}]), "minimum"),
        (_route(filters=[{"type": "RequestMirror", "requestMirror": {"percent": 5}}]), "backendRef"),
        (_route() | {"metadata": {"name": "web", "label": {}}}, "label"),
        (_route() | {"apiVersion": "gateway.networking.k8s.io/v1alpha2"}, "is gateway.networking.k8s.io/v1 in"),
        (_pod() | {"apiVersion": "v2"}, "has no Pod of v2"),
    ],
)
def test_what_an_apiserver_refuses_or_drops_is_refused(wrong: KubernetesObject, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        validate([wrong])


def test_a_chart_that_takes_what_it_should_refuse_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="took values that it should refuse"):
        refusal("bento", {"service": "scorer", "callers": {"anyone": True}})


def test_an_object_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(AssertionError, match=r"no Deployment/x among .*Deployment/oo-stable"):
        find(render("bento", {"service": "scorer", "callers": {"anyone": True}}), "Deployment", "x")
