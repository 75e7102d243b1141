"""A model is trained and judged in the cluster, and the promoter alone moves its traffic while people ask."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from examples.caller import Caller, is_drained
from examples.digits import rows as digits
from examples.digits import story
from examples.rollout import People
from examples.rollout import asking as people_asking
from oo.local.settings import PROJECT_DIR
from oo.settings import PipelineSettings
from oo.training.verdict import Outcome
from oo.wiring.process import new_id, now
from pipelines import runs
from tests.cluster import step_pods
from tests.cluster.asking import asking, on_the_bus, until
from tests.cluster.commands import apply, kubectl, objects
from tests.cluster.installation import CATALOGS, pods, staying, upgrade

LEARNED_FROM = 1_500
LATE = {"faults": {"shadow": {"delaySeconds": 0.5}}}
_numbers = count(1)


@asynccontextmanager
async def calling() -> AsyncIterator[Caller]:
    """What a caller's program is: a token of the gateway and a user of the bus that may only report."""
    async with asking() as client, on_the_bus("caller") as bus:
        yield Caller(digits.TENANT, client, client, bus, now, new_id)


async def promoter(*command: str) -> str:
    """What `oo` says when the promoter runs it, as its CronJob would."""
    return await asyncio.to_thread(_job, command)


def _job(command: tuple[str, ...]) -> str:
    (scheduled,) = objects("cronjob/oo-promoter-digits")
    spec: dict[str, Any] = scheduled["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    if command:
        container["command"] = ["python3", "-m", "oo", *command]
    name = f"promoter-{next(_numbers)}"
    apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec})
    kubectl("wait", f"job/{name}", "--for=jsonpath={.status.conditions[*].type}", "--timeout=600s")
    said = kubectl("logs", f"job/{name}", "--tail=-1")
    (job,) = objects(f"job/{name}")
    assert job["status"].get("succeeded"), said
    kubectl("delete", f"job/{name}")
    return said


async def learn(caller: Caller) -> None:
    """People see digits, and what became of that is known."""
    await story.play(caller, list(digits.images(1))[:LEARNED_FROM], at_once=8)
    async with on_the_bus("operator") as bus:
        await until(lambda: is_drained(bus, "rewards"))
        await until(lambda: is_drained(bus, "archive"))
    await asyncio.sleep(3)  # the tenant's reward window


async def train() -> str:
    """What the training pipeline ends in, each of its steps a pod."""
    settings = PipelineSettings(catalog=[CATALOGS["digits.yaml"]], model_cards=PROJECT_DIR / "model_cards")
    asked = runs.Training("digits@1", as_of=now(), shards=2)
    told = await asyncio.to_thread(step_pods.run, "pipelines.train:training", asked.arguments(settings))
    return " ".join(Outcome.model_validate_json(told).sentences)


async def promote() -> str:
    """What the promotion pipeline does, its step a pod."""
    return await asyncio.to_thread(step_pods.run, "pipelines.promote:promotion", {"model": "digits"})


async def carried(people: People, advance: Callable[[], Awaitable[str]], wanted: str) -> list[str]:
    """Advance while people ask until it says this; what it said each time."""
    said: list[str] = []
    async with people_asking(people):
        async with asyncio.timeout(900):
            while not said or wanted not in said[-1]:
                said.append(await advance())
                print(said[-1])  # pytest keeps it for who asks
    return said


@pytest.fixture
def artifacts() -> Iterator[None]:
    with step_pods.artifacts():
        yield


async def crash() -> None:
    """Let the canary's pods start a program that ends at once, and return when that happened again."""
    container = {"name": "scorer", "command": ["false"]}
    at_once = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}
    spec = {"strategy": at_once, "template": {"spec": {"containers": [container]}}}
    kubectl("patch", "deployment/oo-scorer-canary", f"--patch={json.dumps({'spec': spec})}")

    async def crashed() -> bool:
        found = staying("--selector=app.kubernetes.io/component=canary")
        statuses = [status for pod in found for status in pod["status"].get("containerStatuses", ())]
        return bool(statuses) and all(status["restartCount"] > 0 for status in statuses)

    await until(crashed)


@pytest.mark.usefixtures("artifacts")
async def test_candidates_that_are_late_or_crash_are_taken_back_and_one_in_time_becomes_the_champion() -> None:
    await asyncio.to_thread(upgrade, "scorer", LATE)
    async with calling() as caller:
        await learn(caller)
        assert "digits 2 is the challenger now" in await train()
        people = People(caller, list(digits.images(2)))
        # A request that fails would end the people's task, and the test with it.
        late = await carried(people, promoter, "rolled back")
        assert "median" in late[-1] or "p95" in late[-1]
        assert set(people.served) == {"1"}
        _only_stable()

        await asyncio.to_thread(upgrade, "scorer", {})
        await promoter("rollout", "propose", "digits", "2", "--again", "--why=The delay was the shadow's own.")
        await carried(people, promoter, "on to canary 25 %")
        await crash()
        await promoter("rollout", "rollback", "digits", "--why=It crashes.")
        _only_stable()

        await promoter("rollout", "propose", "digits", "2", "--again", "--why=It was started with another program.")
        await carried(people, promote, "on to champion")
        assert people.served["2"] > 0
        _only_stable()
        (told,) = objects("configmap/oo-scorer-rollout")
        assert (told["data"]["stable"], told["data"]["candidate"]) == ("2", "")


def _only_stable() -> None:
    """Assert that nobody else has pods or traffic."""
    assert pods("shadow") == pods("canary") == []
    assert _route() == {"oo-scorer-stable": 1}


def _route() -> dict[str, int]:
    """The weights of the scorer's route; one with a mirror fails."""
    (route,) = objects("httproute/oo-scorer")
    (rule,) = route["spec"]["rules"]
    assert "filters" not in rule, json.dumps(rule)
    return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}
