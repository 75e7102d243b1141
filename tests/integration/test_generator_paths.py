"""Which prompt version writes a tip, followed through HTTP, NATS, SQL and metrics: one test a path.

The processes are the deployed ones, and all tests share them: two generators with different settings, the reward join
and a NATS server. A path is known by a tenant or a person of its own.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from nats.js import JetStreamContext
from sqlalchemy import Engine, RowMapping

from oo import catalog as catalogs
from oo.bus.publisher import publish
from oo.decisions.champions import Champions
from oo.decisions.decision_log import JetStreamDecisionLog
from oo.decisions.policy_states import PolicyStates
from oo.decisions.recording import Recorder
from oo.decisions.score import Scorer, ScoreRequest, ScoreResponse
from oo.decisions.signals import SignalReader
from oo.events.codec import decode
from oo.events.decision import GenerateDecided, ServingRole
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.features.memory_online_store import MemoryOnlineStore
from oo.prompts.library import RETIRED, TIPS
from oo.prompts.lock import write_lock
from oo.registry.memory_registry import MemoryRegistry
from oo.rewards import database, queries
from oo.training.prior import bootstrap
from oo.wiring.process import new_id, now
from tests.integration.generator_process import ROOT, GeneratorProcess, generators
from tests.integration.health import free_port
from tests.integration.nats_server import NatsServer
from tests.integration.waiting import until

Answer = dict[str, Any]

POLICY = {"name": "uniform", "version": "1"}
SERVICE = {
    "name": "tiny@1",
    "model": "tiny",
    "columns": [{"source": "candidate", "name": "minutes", "type": "number"}],
}
EXPERIMENT = {
    "name": "wording",
    "variants": [
        {"name": "plain", "share": 0.5, "prompt_version": "v1"},
        {"name": "short", "share": 0.5, "prompt_version": "v3"},
    ],
}
WINDOW = timedelta(hours=1)
CATALOG = {
    "feature_services": [SERVICE],
    "tenants": [
        {"name": name, "feature_service": "tiny@1", "policy": POLICY, "reward_window": WINDOW.total_seconds()} | more
        for name, more in {"plain": {}, "trial": {"prompt_experiment": EXPERIMENT}}.items()
    ],
}
# A busy machine is no outage.
PATIENT = {"OO_ONLINE_STORE_TIMEOUT": "5", "OO_DECISION_LOG_TIMEOUT": "5"}
RETIREMENT = {"v4": {"retired_on": "2026-11-22", "why": "it was too long"}}
ROTATION = ("v1", "v2", "v3")
# By its id, the offline model writes at least three different tips for this decision.
SEVERAL_TIPS = "0198f000-0000-7000-8000-000000000003"


@dataclass(frozen=True)
class System:
    """The processes, and where they tell what happened."""

    server: NatsServer
    plain: GeneratorProcess
    """With no setting of a prompt version."""
    second: GeneratorProcess
    """With DEFAULT_PROMPT_VERSION=v2."""
    scores: Engine
    catalog: Path


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("paths")
    catalog, prompts = folder / "catalog.yaml", folder / "prompts"
    catalog.write_text(json.dumps(CATALOG))  # which is YAML too
    _with_a_retired_one(prompts)
    server = NatsServer(folder / "jetstream", folder)
    server.start()
    common = {"OO_NATS_URL": server.url, "OO_CATALOG": str(catalog), "OO_PROMPTS": str(prompts), **PATIENT}
    url = f"sqlite:///{folder / 'tip_scores.db'}"
    rewards = subprocess.Popen(  # our own program
        [sys.executable, "-m", "consumers.rewards"],
        cwd=ROOT,
        env=os.environ
        | common
        | {"OO_TIP_SCORES_URL": url, "OO_BATCH_SECONDS": "0.05", "OO_HEALTH_PORT": str(free_port())},
        stderr=subprocess.DEVNULL,
    )
    try:
        with generators(folder, common, common | {"DEFAULT_PROMPT_VERSION": "v2"}) as (plain, second):
            engine = database.connect(url)
            yield System(server, plain, second, engine, catalog)
            engine.dispose()
    finally:
        rewards.terminate()
        rewards.wait(30)
        server.stop()


def _with_a_retired_one(folder: Path) -> None:
    """The released prompts, and a fourth that is used no more."""
    shutil.copytree(TIPS, folder)
    newest = yaml.safe_load((folder / "v3.yaml").read_text())
    (folder / "v4.yaml").write_text(yaml.safe_dump(newest | {"version": "v4"}, allow_unicode=True))
    write_lock(folder)
    (folder / RETIRED).write_text(yaml.safe_dump(RETIREMENT))


@pytest.fixture
def nats_url(system: System) -> str:
    return system.server.url


@dataclass(frozen=True)
class Following:
    """Asks, and follows the answer to every place where it left something."""

    system: System
    jetstream: JetStreamContext

    async def wrote(
        self, generator: GeneratorProcess, version: str, *, tenant: str = "plain", user: str = "ada", **wish: object
    ) -> tuple[Answer, GenerateDecided, RowMapping]:
        """The answer, its record and its row, all of which name this version, which the metrics have counted."""
        before = await asyncio.to_thread(_tips_of, generator, version)
        response = await _ask(generator, tenant=tenant, user=user, **wish)
        assert response.status_code == 200, response.text
        answer: Answer = response.json()
        assert answer["prompt_version"] == version
        assert answer["degraded"] == []

        data = (await self.jetstream.get_last_msg("DECISIONS", "decisions.generate")).data or b""
        recorded = decode(data)
        decided = recorded.generate_decided
        assert decided is not None
        assert (recorded.tenant_id, recorded.user_id) == (tenant, user)
        assert (decided.decision_id, decided.prompt_version) == (answer["decision_id"], version)
        assert decided.tip_id == answer["tip"]["tip_id"]

        row = await self.row(answer["decision_id"])
        assert (row["tenant_id"], row["kind"], row["prompt_version"]) == (tenant, "generate", version)
        assert row["tip_id"] == answer["tip"]["tip_id"]

        assert await asyncio.to_thread(_tips_of, generator, version) == before + 1
        return answer, decided, row

    async def row(self, decision_id: str, *, exposed: bool = False, reacted: bool = False) -> RowMapping:
        """The decision's row, once it knows that much."""
        found: list[RowMapping] = []

        async def joined() -> bool:
            found[:] = queries.rows(self.system.scores, decision_id, now())
            return bool(found) and (not exposed or found[0]["exposed_at"]) and (not reacted or found[0]["reacted_at"])

        await until(joined)
        return found[0]

    async def feed_back(self, decision_id: str, tip_id: str, *kinds: ReactionKind, user: str = "ada") -> None:
        """Tell the bus that the tip was shown, and what the person did with it."""
        shown = TipExposed(decision_id=decision_id, tip_id=tip_id)
        await publish(self.jetstream, _event(user, tip_exposed=shown))
        for kind in kinds:
            reacted = TipReacted(decision_id=decision_id, tip_id=tip_id, kind=kind)
            await publish(self.jetstream, _event(user, tip_reacted=reacted))


@pytest.fixture
def following(system: System, jetstream: JetStreamContext) -> Following:
    return Following(system, jetstream)


async def _ask(
    generator: GeneratorProcess, *, tenant: str = "plain", user: str = "ada", **wish: object
) -> httpx.Response:
    async with httpx.AsyncClient(base_url=generator.url, timeout=30) as client:
        return await client.post("/generate", json={"tenant_id": tenant, "user_id": user} | wish)


def _tips_of(generator: GeneratorProcess, version: str) -> float:
    """How many tips the metrics say that this version has written."""
    samples = generator.metrics()
    return sum(value for name, value in samples.items() if name.startswith("oo_tips_total") and f'"{version}"' in name)


def _event(user: str, **event: TipExposed | TipReacted) -> Envelope:
    return Envelope.model_validate(
        {
            "event_id": str(new_id()),
            "schema_version": "v1",
            "producer": "tests",
            "occurred_at": now(),
            "tenant_id": "plain",
            "user_id": user,
            **event,
        }
    )


async def test_the_requests_version_goes_before_the_deployments(following: Following, system: System) -> None:
    answer, decided, row = await following.wrote(system.second, "v3", prompt_version="v3")
    assert (answer["experiment"], decided.experiment, row["experiment"]) == (None, None, None)


async def test_the_requests_version_goes_before_the_tenants_experiment(following: Following, system: System) -> None:
    answer, decided, row = await following.wrote(system.second, "v2", tenant="trial", prompt_version="v2")
    assert (answer["experiment"], decided.experiment, row["experiment"]) == (None, None, None)


async def test_the_tenants_experiment_goes_before_the_deployments_version(following: Following, system: System) -> None:
    people = {"ada": ("v1", "plain"), "bob": ("v3", "short")}
    for user, (version, variant) in people.items():
        answer, decided, row = await following.wrote(system.second, version, tenant="trial", user=user)
        assert answer["experiment"] == {"name": "wording", "variant": variant}
        assert decided.experiment is not None
        assert (decided.experiment.name, decided.experiment.variant) == ("wording", variant)
        assert (row["experiment"], row["variant"]) == ("wording", variant)


async def test_the_deployments_version_writes_when_nobody_asks_for_one(following: Following, system: System) -> None:
    await following.wrote(system.second, "v2")


async def test_the_first_version_writes_when_neither_request_nor_deployment_names_one(
    following: Following, system: System
) -> None:
    await following.wrote(system.plain, "v1")


async def test_a_caller_that_rotates_through_the_versions_gets_each_in_turn(
    following: Following, system: System
) -> None:
    for turn, version in enumerate(ROTATION * 2):
        await following.wrote(system.plain, version, user=f"rotating-{turn}", prompt_version=version)


@pytest.mark.parametrize(
    ("version", "status", "code", "told"),
    [
        ("v9", 422, "unknown_prompt_version", "'v9' is not released; known: v1, v2, v3"),
        ("v4", 410, "retired_prompt_version", "'v4' was retired on 2026-11-22 (it was too long); known: v1, v2, v3"),
    ],
)
async def test_a_version_that_may_not_be_used_is_refused_with_those_that_may_and_leaves_nothing(  # noqa: PLR0913, PLR0917  # a table of cases
    system: System, jetstream: JetStreamContext, version: str, status: int, code: str, told: str
) -> None:
    before = (await jetstream.stream_info("DECISIONS")).state.last_seq
    response = await _ask(system.plain, prompt_version=version)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert told in error["message"]
    assert (await jetstream.stream_info("DECISIONS")).state.last_seq == before
    assert await asyncio.to_thread(_tips_of, system.plain, version) == 0


async def test_a_reaction_to_a_written_tip_earns_its_prompt_the_reward(following: Following, system: System) -> None:
    answer, *_ = await following.wrote(system.plain, "v2", prompt_version="v2")
    await following.feed_back(answer["decision_id"], answer["tip"]["tip_id"], ReactionKind.COMPLETED)
    row = await following.row(answer["decision_id"], exposed=True, reacted=True)
    assert (row["prompt_version"], row["reward"]) == ("v2", 1.0)


async def test_of_several_written_tips_only_the_one_that_was_chosen_and_shown_earns_anything(
    following: Following, system: System, jetstream: JetStreamContext
) -> None:
    answer, decided, _ = await following.wrote(system.plain, "v3", request_id=SEVERAL_TIPS, prompt_version="v3", n=5)
    written = [answer["tip"], *answer["alternatives"]]
    assert len({(tip["title"], tip["body"]) for tip in written}) == len(written) >= 3
    assert [tip["tip_id"] for tip in written] == [decided.tip_id, *(tip.tip_id for tip in decided.alternatives)]

    chosen = await _choose(system, jetstream, written, answer["prompt_version"])
    assert chosen.tip_id in {tip["tip_id"] for tip in written}
    await following.feed_back(chosen.decision_id, chosen.tip_id, ReactionKind.COMPLETED)

    row = await following.row(chosen.decision_id, exposed=True, reacted=True)
    assert (row["kind"], row["tip_id"], row["prompt_version"]) == ("score", chosen.tip_id, "v3")
    assert row["reward"] == 1.0
    # Long after every window: silence about what nobody saw is no zero.
    (unshown,) = queries.rows(system.scores, answer["decision_id"], now() + 2 * WINDOW)
    assert (unshown["exposed_at"], unshown["reward"]) == (None, None)
    counts = queries.counts(system.scores, now(), "plain")
    assert counts.exposed + counts.never_exposed == counts.decisions
    assert counts.unjoined == 0


async def _choose(
    system: System, jetstream: JetStreamContext, written: list[dict[str, str]], version: str
) -> ScoreResponse:
    """What /score does with the tips: the library's scorer, its decisions on the same bus."""
    catalog, registry = catalogs.load([system.catalog]), MemoryRegistry()
    bootstrap(registry, catalog.service("tiny@1"))
    champions = Champions(registry, catalog)
    champions.refresh()
    scorer = Scorer(
        catalog=catalog,
        signals=SignalReader(MemoryOnlineStore(), 1.0),
        champions=champions,
        policy_states=PolicyStates(),
        recorder=Recorder(JetStreamDecisionLog(jetstream, 5.0), "score"),
        role=ServingRole.STABLE,
        now=now,
        new_id=new_id,
    )
    candidates = [{"tip_id": tip["tip_id"], "prompt_version": version} for tip in written]
    return await scorer.decide(
        ScoreRequest.model_validate({"tenant_id": "plain", "user_id": "ada", "candidates": candidates})
    )
