"""A policy and a prompt on their way through two replicas each of the real services, over a real bus that goes away."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import yaml
from nats.js import JetStreamContext
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from bentos.generator.app import create_app as generator_app
from bentos.scorer.app import create_app as scorer_app
from oo.bus.connection import connect
from oo.bus.delivery import Delivery
from oo.bus.stream_reader import messages
from oo.bus.streams import EVIDENCE_BUCKET, TRAFFIC_BUCKET, ensure
from oo.cards.shelf import Shelf, declared
from oo.catalog import Catalog, load
from oo.cli import app
from oo.decisions.splits import is_canarys
from oo.errors import (
    BusUnreachable,
    EvidenceChanged,
    RetiredPromptVersion,
    RolloutRefused,
    TrafficRefused,
    UnknownPolicy,
    UnknownPromptVersion,
)
from oo.events.codec import decode
from oo.events.envelope import Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.offline.archived import Archived
from oo.offline.store import OfflineStore
from oo.prompts.library import PromptLibrary
from oo.prompts.prompt_file import Retirement
from oo.registry.history import Kind, Subject
from oo.registry.memory_registry import MemoryRegistry
from oo.registry.nats_history import NatsHistory
from oo.rewards import database
from oo.rewards.join import apply
from oo.rollout.bus_traffic import BusTraffic
from oo.rollout.conductor import Conductor
from oo.rollout.plan import Advance
from oo.rollout.requirements import Requirements
from oo.rollout.tenant_versions import PolicyVersions, PromptVersions
from oo.rollout.traffic import Traffic
from oo.settings import GeneratorSettings, PipelineSettings, ScorerSettings
from oo.training.prior import bootstrap
from oo.wiring.generator import generator
from oo.wiring.scorer import scorer
from oo.wiring.tenant_rollout import conducting_for_tenant
from pipelines import local_run
from tests.access import anyone
from tests.envelopes import envelope
from tests.integration.nats_server import NatsServer
from tests.integration.waiting import until

POLICY, PROMPT = Subject(kind="policy", name="shop"), Subject(kind="prompt", name="shop")
UNIFORM = {"name": "uniform", "version": "1"}
CATALOG: dict[str, Any] = {
    "feature_services": [
        {"name": "tiny@1", "model": "tiny", "columns": [{"source": "context", "name": "hour", "type": "number"}]}
    ],
    "tenants": [
        {
            "name": "shop",
            "feature_service": "tiny@1",
            "policy": UNIFORM,
            "candidates": [{"name": "epsilon_greedy", "version": "2", "epsilon": 0.5}],
            "reward_window": "PT0S",
        },
        {
            "name": "experimenting",
            "feature_service": "tiny@1",
            "policy": UNIFORM,
            "experiment": {
                "name": "first",
                "variants": [{"name": side, "share": 0.5, "policy": UNIFORM} for side in ("a", "b")],
            },
            "prompt_experiment": {
                "name": "wording",
                "variants": [{"name": side, "share": 0.5, "prompt_version": side} for side in ("v1", "v2")],
            },
        },
    ],
}
ASKED = Requirements(
    percents=(50,),
    confidence=0.6,
    settling=timedelta(0),
    grace=timedelta(0),
    shadow_hold=timedelta(0),
    pairs=30,
    exposures=10,
    error_margin=0.9,
    # Another process takes the processor now and then.
    latency_p50_ratio=100,
    latency_p95_ratio=100,
)
PATIENT = {"online_store_timeout": 5.0, "decision_log_timeout": 5.0}
EFFECTIVE_SECONDS = 60.0


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    client = await connect(nats_server.url, "oo-tests")
    await ensure(client.jetstream())
    yield client.jetstream(timeout=1)
    await client.close()


@pytest.fixture
def catalog_file(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(CATALOG))
    return path


@dataclass
class Service:
    """Replicas of one of the two services."""

    kind: Kind
    path: str
    question: Mapping[str, Any]
    version_of: Callable[[Any], str]
    replicas: Sequence[httpx.AsyncClient]
    failed: list[int] = field(default_factory=list)
    answered: int = 0

    async def ask(self, replica: httpx.AsyncClient, decision: UUID | None = None) -> str:
        """Which version decided."""
        response = await replica.post(self.path, json={**self.question, "request_id": str(decision or uuid4())})
        self.answered += 1
        if response.status_code != 200:
            self.failed.append(response.status_code)
            return "none"
        return self.version_of(response.json())

    async def ask_all(self, n: int) -> set[str]:
        """Each replica so often, one after the other; the versions that decided."""
        return {await self.ask(replica) for _ in range(n) for replica in self.replicas}

    def a_canarys(self) -> UUID:
        return next(one for one in iter(uuid4, None) if is_canarys(self.kind, str(one), 50))

    async def all_answer_with(self, version: str) -> bool:
        """Whether each replica decides so what would be a canary's."""
        return {await self.ask(replica, self.a_canarys()) for replica in self.replicas} == {version}

    async def keep_asking(self, done: asyncio.Event) -> None:
        async def caller(replica: httpx.AsyncClient) -> None:
            while not done.is_set():
                await self.ask(replica)
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as callers:
            for replica in self.replicas:
                callers.create_task(caller(replica))


@dataclass
class Shop:
    """The services, and the stores that an archive and a reward join would have filled."""

    settings: PipelineSettings
    js: JetStreamContext
    scorers: Service
    generators: Service
    engine: Engine
    read: int = 0

    @asynccontextmanager
    async def conductor(self, subject: Subject) -> AsyncIterator[Conductor]:
        async with conducting_for_tenant(self.settings, subject) as conductor:
            yield conductor

    async def oo(self, *words: str) -> Result:
        """The command line's answer about a rollout over these stores."""
        told = {"COLUMNS": "300", **local_run.variables((self.settings,))}
        return await asyncio.to_thread(CliRunner(env=told).invoke, app, ["rollout", *words])

    async def archive(self) -> int:
        """Take over what is new, and let every second tip that was shown be clicked; how many decisions there are."""
        found = [
            (message.metadata.sequence.stream, decode(message.data), message)
            async for message in messages(self.js, "DECISIONS")
        ]
        new = [one for one in found if one[0] > self.read]
        deliveries = [
            Delivery(
                subject=message.subject,
                data=message.data,
                headers={},
                stream="DECISIONS",
                sequence=sequence,
                published_at=message.metadata.timestamp,
                delivered=1,
            )
            for sequence, _, message in new
        ]
        envelopes = [told for _, told, _ in new]
        if new:
            rows = map(Archived.of, deliveries, envelopes)
            await asyncio.to_thread(OfflineStore(self.settings.offline_store).append, list(rows))
            feedback = [
                event for place, told in enumerate(envelopes) for event in reacted(told, clicked=place % 2 == 0)
            ]
            await asyncio.to_thread(apply, self.engine, [*envelopes, *feedback], lambda _: timedelta(0))
            self.read = new[-1][0]
        return self.read


def reacted(decision: Envelope, *, clicked: bool) -> Iterator[Envelope]:
    decided = decision.score_decided or decision.generate_decided
    assert decided is not None
    named = {"decision_id": decided.decision_id, "tip_id": decided.tip_id}
    about = {"occurred_at": decision.occurred_at, "tenant_id": decision.tenant_id, "user_id": decision.user_id}
    yield envelope("tip_exposed", event_id=f"{decision.event_id}-exposed", tip_exposed=TipExposed(**named), **about)
    if clicked:
        told = TipReacted(**named, kind=ReactionKind.CLICKED)
        yield envelope("tip_reacted", event_id=f"{decision.event_id}-reacted", tip_reacted=told, **about)


def write_cards(folder: Path, catalog: Catalog) -> None:
    shelf = Shelf(folder)
    for name, facts in declared(catalog, PromptLibrary.load()).items():
        said = "".join(f"## {section}\n\nSaid.\n\n" for section in ("Owners", "Intended use", "Limits"))
        folder.mkdir(exist_ok=True)
        shelf.path(name).write_text(f"# {name}\n\n{said}")
        shelf.renew(name, facts())


@pytest.fixture
async def shop(
    nats_server: NatsServer,
    jetstream: JetStreamContext,
    catalog_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    registry, catalog = MemoryRegistry(), load([catalog_file])
    bootstrap(registry, catalog.service("tiny@1"))
    monkeypatch.setattr("oo.wiring.scorer.registry_of", lambda _: registry)
    # What a process does to itself is not for the tests' own.
    monkeypatch.setattr("oo.wiring.process.configure_logging", lambda *_, **__: None)
    where = {"nats_url": nats_server.url, "catalog": (catalog_file,)}
    scoring = ScorerSettings.model_validate(where | PATIENT | {"registry_poll_seconds": 0.1})
    writing = GeneratorSettings.model_validate(where | PATIENT | {"tip_cache_seconds": 0})
    scores_url = f"sqlite:///{tmp_path / 'tip_scores.db'}"
    write_cards(tmp_path / "cards", catalog)
    async with AsyncExitStack() as running:
        apps = [scorer_app(lambda: scorer(scoring), anyone, 10_000) for _ in range(2)]
        apps += [generator_app(lambda: generator(writing), anyone, 10_000) for _ in range(2)]
        webs = []
        for app in apps:
            await running.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            webs.append(await running.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://oo")))

        async def all_ready() -> bool:
            return all(app.state.running.ready for app in apps)

        await until(all_ready)
        engine = database.connect(scores_url)
        running.callback(engine.dispose)
        person = {"tenant_id": "shop", "user_id": "ada"}
        yield Shop(
            settings=PipelineSettings.model_validate(
                where
                | {"offline_store": str(tmp_path / "offline"), "tip_scores_url": scores_url, "rollout": ASKED}
                | {"model_cards": tmp_path / "cards"}
            ),
            js=jetstream,
            scorers=Service(
                "policy",
                "/score",
                {**person, "candidates": [{"tip_id": tip} for tip in ("walk", "rest", "call")]},
                lambda answer: f"{answer['policy']['name']}@{answer['policy']['version']}",
                webs[:2],
            ),
            generators=Service("prompt", "/generate", person, lambda answer: answer["prompt_version"], webs[2:]),
            engine=engine,
        )


@dataclass(frozen=True)
class Way:
    """A subject that goes from one version to another."""

    subject: Subject
    champion: str
    candidate: str
    service: Service
    answers: int
    """How many records each of the service's decisions leaves while there is a shadow."""


async def test_a_policy_and_a_prompt_go_to_a_canary_and_back_under_load_over_a_bus_that_was_away(
    shop: Shop, nats_server: NatsServer, tmp_path: Path
) -> None:
    ways = (
        Way(POLICY, "uniform@1", "epsilon_greedy@2", shop.scorers, 1),
        Way(PROMPT, "v1", "v2", shop.generators, 2),
    )
    for way in ways:
        async with shop.conductor(way.subject) as conductor:
            await conductor.propose(way.candidate, who="ada", why="It may be better.")
            assert isinstance((await conductor.advance(who="ada")).move, Advance)

            before = await shop.archive()
            assert await way.service.ask_all(40) == {way.champion}

            async def all_there(wanted: int = before + 80 * way.answers) -> bool:
                return await shop.archive() >= wanted

            await until(all_there)
            outcome = await conductor.advance(who="ada")
            assert isinstance(outcome.move, Advance), outcome.move
            assert (outcome.rollout.stage, outcome.rollout.percent) == ("canary", 50)
        fetched = await shop.oo("evidence", "shop", str(tmp_path / way.champion), "--kind", way.subject.kind)
        assert f"{way.candidate} became canary 50 % on" in fetched.output
        assert json.loads((tmp_path / way.champion / "move.json").read_bytes())["percent"] == 50

    done = asyncio.Event()
    loads = [asyncio.create_task(way.service.keep_asking(done)) for way in ways]
    for way in ways:
        await until(lambda way=way: way.service.all_answer_with(way.candidate))  # type: ignore[misc]  # bound to this way
    await asyncio.to_thread(nats_server.restart)
    for way in ways:
        assert await way.service.all_answer_with(way.candidate)  # what was known last stays in force
    for way in ways:
        async with shop.conductor(way.subject) as conductor:
            started = time.monotonic()
            assert (await conductor.rollback(who="ben", why="Complaints.")).champion == way.champion
            while not await way.service.all_answer_with(way.champion):
                assert time.monotonic() - started < EFFECTIVE_SECONDS
                await asyncio.sleep(0.05)
            print(f"{way.subject}: both replicas are back {time.monotonic() - started:.1f} s after the command")
            told = [one.transition for one in await conductor.history.of(way.subject)]
            assert [one.stage for one in told] == ["champion", "challenger", "shadow", "canary", "rolled_back"]
            assert (told[-1].version, told[-1].champion, told[-1].who) == (way.candidate, way.champion, "ben")
            traffic = BusTraffic(await shop.js.key_value(TRAFFIC_BUCKET))
            assert await traffic.current(way.subject) == Traffic(way.subject, way.champion)
    done.set()
    await asyncio.gather(*loads)
    for way in ways:
        assert way.service.failed == []
        print(f"{way.subject}: {way.service.answered} requests, none failed")


@pytest.fixture
async def policies(jetstream: JetStreamContext, catalog_file: Path) -> PolicyVersions:
    return PolicyVersions(await jetstream.key_value(EVIDENCE_BUCKET), load([catalog_file]))


@pytest.fixture
async def prompts(jetstream: JetStreamContext, catalog_file: Path) -> PromptVersions:
    library = PromptLibrary.load()
    retired = {"v3": Retirement.model_validate({"retired_on": "2026-12-01", "why": "too long-winded"})}
    return PromptVersions(
        await jetstream.key_value(EVIDENCE_BUCKET), load([catalog_file]), PromptLibrary(library.prompts, retired), "v1"
    )


async def test_a_policy_is_known_by_its_parameters(policies: PolicyVersions) -> None:
    assert await policies.named(POLICY, "champion") == "uniform@1"
    assert await policies.named(POLICY, "canary") is None
    first, second = [await policies.artefact(POLICY, version) for version in ("uniform@1", "epsilon_greedy@2")]
    assert first != second
    assert first == await policies.artefact(POLICY, "uniform@1")
    with pytest.raises(UnknownPolicy, match="only uniform@1, epsilon_greedy@2; add it to `candidates:`"):
        await policies.artefact(POLICY, "uniform@7")


async def test_a_prompt_is_known_by_its_file(prompts: PromptVersions) -> None:
    assert await prompts.named(PROMPT, "champion") == "v1"
    assert (await prompts.artefact(PROMPT, "v2")).digest == PromptLibrary.load().get("v2").hash
    with pytest.raises(RetiredPromptVersion, match="too long-winded"):
        await prompts.artefact(PROMPT, "v3")
    with pytest.raises(UnknownPromptVersion, match="'v77'"):
        await prompts.artefact(PROMPT, "v77")


async def test_a_tenant_with_an_experiment_proposes_nothing(policies: PolicyVersions, prompts: PromptVersions) -> None:
    with pytest.raises(RolloutRefused, match="runs the experiment 'first', which chooses its policy"):
        await policies.artefact(Subject(kind="policy", name="experimenting"), "uniform@1")
    with pytest.raises(RolloutRefused, match="runs the experiment 'wording', which chooses its prompt"):
        await prompts.artefact(Subject(kind="prompt", name="experimenting"), "v1")


async def test_evidence_is_kept_beside_its_version(policies: PolicyVersions, nats_server: NatsServer) -> None:
    name = f"evidence-{'ab' * 32}-evidence.json"
    await policies.keep(POLICY, "uniform@1", {name: b"{}", "empty": b""})
    assert (await policies.kept(POLICY, "uniform@1", name), await policies.kept(POLICY, "uniform@1", "empty")) == (
        b"{}",
        b"",
    )
    with pytest.raises(EvidenceChanged, match="policy shop epsilon_greedy@2 is not among"):
        await policies.kept(POLICY, "epsilon_greedy@2", name)
    with pytest.raises(BusUnreachable, match="cannot be kept or read"):
        await policies.keep(POLICY, "uniform@1", {name: bytes(2_000_000)})
    nats_server.freeze()
    with pytest.raises(BusUnreachable, match="cannot be kept or read"):
        await policies.kept(POLICY, "uniform@1", name)
    nats_server.thaw()


async def test_traffic_is_what_the_bucket_holds(jetstream: JetStreamContext, nats_server: NatsServer) -> None:
    traffic = BusTraffic(await jetstream.key_value(TRAFFIC_BUCKET))
    assert await traffic.current(POLICY) is None
    for wanted in (Traffic(POLICY, "a@1", "b@1", mirror=True), Traffic(POLICY, "a@1", "b@1", percent=5)):
        await traffic.apply(wanted)
        assert await traffic.current(POLICY) == wanted
    assert await traffic.current(PROMPT) is None
    nats_server.freeze()
    with pytest.raises(TrafficRefused, match="policy shop does not answer"):
        await traffic.apply(Traffic(POLICY, "a@1"))
    nats_server.thaw()


async def test_the_command_line_takes_a_policy_or_a_prompt_by_its_tenant(
    jetstream: JetStreamContext, nats_server: NatsServer, catalog_file: Path, tmp_path: Path
) -> None:
    told = {
        "COLUMNS": "300",
        "OO_STATE_DIR": str(tmp_path / "state"),
        "OO_NATS_URL": nats_server.url,
        "OO_CATALOG": str(catalog_file),
        "OO_TIP_SCORES_URL": f"sqlite:///{tmp_path / 'tip_scores.db'}",
    }

    async def oo(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner(env=told).invoke, app, ["rollout", *words])

    proposed = await oo("propose", "shop", "epsilon_greedy@2", "--kind", "policy", "--why", "It may be better.")
    assert "policy shop uniform@1 serves; epsilon_greedy@2 is the challenger" in proposed.output
    assert "v1 serves" in (await oo("propose", "shop", "v2", "--kind", "prompt", "--why", "Shorter.")).output
    assert (
        "epsilon_greedy@2 was rolled back" in (await oo("rollback", "shop", "--kind", "policy", "--why", "No.")).output
    )
    for words, remedy in (
        (("propose", "shop", "uniform@7", "--kind", "policy", "--why", "x"), "add it to `candidates:`"),
        (("propose", "experimenting", "uniform@1", "--kind", "policy", "--why", "x"), "end it first"),
        (("propose", "shop", "v77", "--kind", "prompt", "--why", "x"), "known: v1, v2, v3"),
        (("status", "nobody", "--kind", "prompt"), "declare it under `tenants:`"),
    ):
        refused = await oo(*words)
        assert (refused.exit_code, remedy in refused.output) == (1, True), refused.output
    history = NatsHistory(jetstream)
    assert await history.subjects() == [POLICY, PROMPT]
