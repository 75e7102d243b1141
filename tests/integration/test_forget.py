"""`oo forget` over real stores: who was forgotten is nowhere, and nobody else is touched."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # the same
import pytest
import yaml
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy import Engine, select
from typer.testing import CliRunner, Result

from consumers.archive import keeping
from consumers.rewards import joining
from consumers.signals import folding
from oo import catalog as catalogs
from oo.bus import streams
from oo.bus.dead_letters import bury
from oo.bus.delivery import Delivery, Reject
from oo.bus.handling import events_only
from oo.bus.publisher import publish
from oo.bus.tombstones import Person, Tombstones
from oo.cli import app
from oo.erasure.place import Found, Place, Progress
from oo.events.envelope import EVENT_TYPES, Envelope
from oo.events.subjects import DURABLES, SUBJECTS
from oo.features.nats_online_store import NatsOnlineStore
from oo.offline.store import OfflineStore
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHAMPION
from oo.rewards import database
from oo.rewards.tables import tip_feedback, tip_scores
from oo.settings import PipelineSettings
from oo.training.registration import TRAINING_ROWS
from oo.wiring.erasure import erasure
from oo.wiring.lineage import tracing
from oo.writing.nats_tip_cache import NatsTipCache
from oo.writing.tip import Tip
from oo.writing.tip_cache import Kept
from tests.envelopes import EVENTS, envelope
from tests.integration.consuming import NAMED, all_left, consuming
from tests.training_data import CATALOG, SERVICE

Run = Callable[..., Awaitable[Result]]

ADA = 'ada%_"å\\🦉-1'
HERE, THERE = "here", "there"
KEPT_TIP = Tip("Früh ins Bett", "Leg das Telefon um zehn weg.", "de", "rest")
OTHERS = ((HERE, "ada"), (HERE, ADA[:-1]), (HERE, ADA + "0"), (HERE, ADA.upper()), (HERE, "%"), (THERE, ADA))
READING = [durable for durable in DURABLES if durable.stream in {"SIGNALS", "FEEDBACK", "DECISIONS"}]
ROWS = pa.schema({name: pa.string() for name in ("decision_id", "tenant_id", "user_id", "part")})


@pytest.fixture
def settings(nats_url: str, mlflow_uri: str, tmp_path: Path) -> PipelineSettings:
    catalog = tmp_path / "catalog.yaml"
    tenants = tuple(CATALOG.tenants[0].model_copy(update={"name": name}) for name in (HERE, THERE))
    declared = CATALOG.model_copy(update={"tenants": tenants}).model_dump(mode="json", exclude_none=True)
    catalog.write_text(yaml.safe_dump(declared))
    return PipelineSettings(
        nats_url=nats_url,
        mlflow_url=mlflow_uri,
        catalog=(catalog,),
        offline_store=str(tmp_path / "offline"),
        tip_scores_url=f"sqlite:///{tmp_path / 'database' / 'scores.db'}",
        pipeline_root=tmp_path / "pipelines",
    )


@dataclass
class World:
    """Every store of one stack, and its consumers."""

    js: JetStreamContext
    settings: PipelineSettings
    online: NatsOnlineStore
    offline: OfflineStore
    engine: Engine
    registry: MlflowRegistry
    sent: int = 0

    async def tell(self, tenant_id: str, user_id: str, occurred_at: datetime | None = None) -> list[Envelope]:
        """All eight kinds of events about somebody."""
        self.sent += 1
        told = []
        for kind in EVENT_TYPES:
            changed: dict[str, Any] = {"occurred_at": occurred_at} if occurred_at else {}
            if hasattr(EVENTS[kind], "decision_id"):
                changed[kind] = EVENTS[kind].model_copy(update={"decision_id": f"decision-{self.sent}"})
            told.append(
                envelope(kind, tenant_id=tenant_id, user_id=user_id, event_id=f"e{self.sent}-{kind}", **changed)
            )
            await publish(self.js, told[-1])
        return told

    async def bury(self, data: bytes, sequence: int = 99) -> None:
        original = Delivery(SUBJECTS["session_started"], data, {}, "SIGNALS", sequence, datetime.now(UTC), 3)
        await bury(self.js, "signals", original, Reject("invalid_event", "userId: wrong"))

    @asynccontextmanager
    async def consumers(self, *without: str) -> AsyncIterator[None]:
        """Every consumer of events at work, but those of these names."""
        applies = {
            "signals": folding(self.online),
            "archive": keeping(self.offline),
            "rewards": joining(self.engine, catalogs.load(self.settings.catalog)),
        }
        async with AsyncExitStack() as running:
            for durable in READING:
                if durable.consumer not in without:
                    handle = events_only(
                        applies[durable.consumer],
                        tombstones=Tombstones(self.js),
                        traces=durable.consumer == "archive",
                    )
                    await running.enter_async_context(consuming(self.js, handle, durable))
            yield

    async def consumed(self, *without: str) -> None:
        async with self.consumers(*without):
            for durable in READING:
                if durable.consumer not in without:
                    await all_left(self.js, durable)

    async def keep_tips(self, *people: tuple[str, str]) -> None:
        """Tips that were written for these people."""
        cache = NatsTipCache(await self.js.key_value(streams.TIPS_BUCKET), patience=5)
        for tenant_id, user_id in people:
            await cache.put(tenant_id, user_id, "ab" * 32, Kept("cd" * 32, "canned", (KEPT_TIP,), datetime.now(UTC)))

    def train(self, *people: tuple[str, str]) -> None:
        """Register a champion that these people's decisions trained, with a run's data set on this machine."""
        rows = [
            {"decision_id": f"d-{at}", "tenant_id": t, "user_id": u, "part": "fitted"}
            for at, (t, u) in enumerate(people)
        ]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, ROWS), sink)
        version = self.registry.register(
            SERVICE.model,
            b"onnx",
            feature_service=SERVICE.name,
            feature_digest=SERVICE.digest,
            files={TRAINING_ROWS: sink.getvalue()},
            tags={},
        )
        self.registry.set_alias(SERVICE.model, CHAMPION, version.version)
        run = self.settings.pipeline_root / "train" / "assemble" / "dataset"
        run.mkdir(parents=True)
        dataset = pa.Table.from_pylist([row | {"decided_at": datetime.now(UTC)} for row in rows])
        pq.write_table(dataset, run / "dataset.parquet")

    async def knows(self, tenant_id: str, user_id: str) -> dict[str, Any]:
        """All that the stores hold of somebody."""
        state = await self.online.get(tenant_id, user_id)
        with self.engine.connect() as connection:
            rows = [
                tuple(row)
                for table in (tip_scores, tip_feedback)
                for row in connection.execute(
                    select(table).where(table.c.tenant_id == tenant_id, table.c.user_id == user_id)
                )
            ]
        archived = [
            row
            for batch in self.offline.scan(EVENT_TYPES, tenant_ids=[tenant_id])
            for row in batch.to_pylist()
            if row["user_id"] == user_id
        ]
        return {
            "online": state and (state.families, state.sequence),
            "rows": sorted(map(repr, rows)),
            "archived": sorted(map(repr, archived)),
            "messages": await self.messages(tenant_id, user_id),
        }

    async def messages(self, tenant_id: str, user_id: str) -> list[tuple[str, int]]:
        found = []
        for stream in ("SIGNALS", "FEEDBACK", "DECISIONS", "DLQ"):
            for sequence in range(1, (await self.js.stream_info(stream)).state.last_seq + 1):
                try:
                    document = json.loads((await self.js.get_msg(stream, sequence)).data or b"null")
                except (NotFoundError, ValueError):
                    continue
                if (document.get("tenantId"), document.get("userId")) == (tenant_id, user_id):
                    found.append((stream, sequence))
        return found


@pytest.fixture
async def world(
    jetstream: JetStreamContext, settings: PipelineSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)
    online = NatsOnlineStore(await jetstream.key_value(streams.FEATURES_BUCKET), Random(1))  # noqa: S311  # spreads retries
    engine = database.connect(settings.tip_scores_url)
    yield World(
        jetstream, settings, online, OfflineStore(settings.offline_store), engine, MlflowRegistry(settings.mlflow_url)
    )
    engine.dispose()


@pytest.fixture
def oo(settings: PipelineSettings) -> Run:
    """The command line, on a thread of its own since it starts a loop."""
    names = ("nats_url", "mlflow_url", "offline_store", "tip_scores_url", "pipeline_root")
    environment = {f"OO_{name.upper()}": str(getattr(settings, name)) for name in names}
    environment["OO_CATALOG"] = str(settings.catalog[0])
    return partial(asyncio.to_thread, partial(CliRunner(env=environment).invoke, app))


def table_of(output: str) -> dict[str, tuple[int, int, int]]:
    """Found, removed and left by place."""
    lines = [line.rsplit(maxsplit=3) for line in output.splitlines()]
    return {
        line[0].strip(): (int(line[1]), int(line[2]), int(line[3])) for line in lines if line[1:] and line[-1].isdigit()
    }


def one_line(text: str) -> str:
    return " ".join(text.split())


def spellings(user_id: str) -> set[bytes]:
    """How the id may stand in a file."""
    return {json.dumps(user_id).encode(), json.dumps(user_id, ensure_ascii=False).encode(), user_id.encode()}


def files_with(user_id: str, *folders: Path) -> list[Path]:
    """The files in which the id stands; Parquet is read as a table, since it is compressed."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(pq.ParquetFile(path).read().to_pylist()).encode()
            data += "".join(str(row) for row in pq.ParquetFile(path).read().to_pylist()).encode()
        if any(spelling in data for spelling in spellings(user_id)):
            found.append(path)
    return found


async def test_nothing_of_who_was_forgotten_is_left_in_any_file(
    world: World, oo: Run, store_dir: Path, tmp_path: Path
) -> None:
    unique = 'zoé%_"\\🦉-1'
    await world.tell(HERE, "zoé")
    await world.tell(HERE, unique)
    await world.consumed()
    world.offline.take_snapshot("early", datetime.now(UTC))
    await world.tell(HERE, unique)
    await world.tell(THERE, "bo")
    await world.consumed()
    await world.bury(envelope(tenant_id=HERE, user_id="zoé").to_json(), 96)  # it stays, and so does their file
    await world.bury(envelope(tenant_id=HERE, user_id=unique).to_json())
    await world.bury(envelope(tenant_id=HERE, user_id=unique).to_json().replace(b'"v1"', b'"v9"'), 98)
    await world.bury(b'{"userId": ' + json.dumps(unique).encode() + b", cut", 97)
    await world.js.publish(SUBJECTS["tip_exposed"], json.dumps({"userId": unique}).encode(), headers={"Status": "408"})
    world.train((HERE, unique), (HERE, "zoé"))
    await world.keep_tips((HERE, unique), (HERE, "zoé"))
    folders = store_dir, tmp_path / "offline", tmp_path / "database", tmp_path / "pipelines"
    assert all(files_with(unique, folder) for folder in folders), "else the search finds nothing anywhere"

    done = await oo(["forget", "--tenant", HERE, "--yes", "--", unique])

    assert done.exit_code == 0, done.output
    assert files_with(unique, *folders) == []
    assert all(files_with("zoé", folder) for folder in folders)
    assert table_of(done.output) == {
        "online store": (1, 1, 0),
        "written tips": (1, 1, 0),
        "stream SIGNALS": (8, 8, 0),
        "stream FEEDBACK": (5, 5, 0),
        "stream DECISIONS": (4, 4, 0),
        "dead letters": (3, 3, 0),
        "tip_scores": (2, 2, 0),
        "tip_feedback": (4, 4, 0),
        "offline store": (*table_of(done.output)["offline store"][:2], 0),
        "training data sets": (1, 1, 0),
        "training rows": (1, 1, 0),
    }
    assert (
        "dead letters: 1 are events of theirs; 1 are none but have the id as a JSON value, 1 are no JSON" in done.output
    )
    assert "snapshot early was dropped: its version held 8 rows of this person; name a new one" in done.output
    assert "(the champion) was trained on 1 of their decisions" in done.output
    assert unique not in done.output
    verified = await oo(["offline", "verify"])
    assert verified.output.count("  0 gaps") == verified.output.count("  0 duplicates") == 3, verified.output
    shown = await oo(["decision", "show", "decision-2"])
    assert shown.exit_code == 1
    assert "decision decision-2 was erased, as all of its person" in one_line(shown.stderr)

    again = await oo(["forget", "--tenant", HERE, "--yes", "--", unique])
    assert again.exit_code == 0
    assert set(table_of(again.output).values()) == {(0, 0, 0)}


async def test_others_are_untouched_whatever_their_ids_look_like(world: World, oo: Run) -> None:
    for tenant_id, user_id in ((HERE, ADA), *OTHERS):
        await world.tell(tenant_id, user_id)
        await world.bury(envelope(tenant_id=tenant_id, user_id=user_id).to_json(), world.sent)
    await world.consumed()
    world.train((HERE, ADA), *OTHERS)
    before = [await world.knows(*person) for person in OTHERS]

    done = await oo(["forget", "--tenant", HERE, "--yes", "--", ADA])

    assert done.exit_code == 0, done.output
    assert [await world.knows(*person) for person in OTHERS] == before
    assert all(len(known["archived"]) == 8 and known["online"] and len(known["messages"]) == 9 for known in before)
    assert await world.knows(HERE, ADA) == {"online": None, "rows": [], "archived": [], "messages": []}
    version = world.registry.versions(SERVICE.model)[-1]
    rows = pq.read_table(io.BytesIO(world.registry.read_file(version, TRAINING_ROWS)))
    assert rows["user_id"].to_pylist() == ["", *(user_id for _, user_id in OTHERS)]
    (dataset,) = world.settings.pipeline_root.rglob("dataset.parquet")
    assert pq.read_table(dataset)["user_id"].to_pylist() == [user_id for _, user_id in OTHERS]


async def test_what_happened_before_has_no_effect_however_late_it_comes_and_what_happens_afterwards_has(
    world: World, oo: Run
) -> None:
    told = await world.tell(HERE, ADA)
    await world.consumed()
    assert (await oo(["forget", "--tenant", HERE, "--yes", "--", ADA])).exit_code == 0
    for event in told:  # as a replay puts it back: under another message id
        await world.js.publish(
            SUBJECTS[event.event_type], event.to_json(), headers={"Nats-Msg-Id": f"again-{event.event_id}"}
        )
    await world.bury(told[0].to_json())
    assert (await oo(["dlq", "replay", "--yes"])).exit_code == 0
    await world.tell(HERE, ADA, datetime.now(UTC) - timedelta(hours=1))
    await world.consumed()

    known = await world.knows(HERE, ADA)
    assert (known["online"], known["rows"], known["archived"]) == (None, [], [])
    assert files_with(ADA, Path(world.settings.offline_store)) == []
    verified = await oo(["offline", "verify"])
    assert verified.output.count("  0 gaps") == verified.output.count("  0 duplicates") == 3, verified.output

    fresh = await world.tell(HERE, ADA, datetime.now(UTC) + timedelta(seconds=1))
    await world.consumed()
    known = await world.knows(HERE, ADA)
    assert len(known["rows"]) == 3
    assert len(known["archived"]) == len(fresh)
    assert known["online"]


class Killed(Exception):
    pass


class Deadly:
    """A place after whose work the process dies."""

    def __init__(self, place: Place) -> None:
        self.name = place.name
        self._place = place

    async def look(self, progress: Progress, *, remove: bool) -> Found:
        await self._place.look(progress, remove=remove)
        raise Killed


def nobody_looks(_step: str) -> Progress:
    return lambda _done, _of: None


async def test_killed_anywhere_and_run_again_comes_to_the_same_end(world: World, oo: Run) -> None:
    """To be killed before a place is looked at is to be killed after the one before it."""
    people = [(HERE, f"p{number}") for number in range(11)]
    for person in people:
        await world.tell(*person)
    await world.bury(envelope(tenant_id=HERE, user_id="p10").to_json())
    await world.consumed()
    world.train(*people)
    await world.keep_tips(*people)
    for deadly, (tenant_id, user_id) in enumerate(people):
        async with erasure(world.settings, user_id, tenant_id) as forgetting:
            places = forgetting.places

            def dying(
                until: datetime, deadly: int = deadly, places: Callable[[datetime], Sequence[Place]] = places
            ) -> list[Place]:
                return [Deadly(p) if at == deadly else p for at, p in enumerate(places(until))]

            with pytest.raises(Killed):
                await replace(forgetting, places=dying).forget(10, nobody_looks)
            done = await forgetting.forget(10, nobody_looks)
        assert done.proven
        assert await world.knows(tenant_id, user_id) == {"online": None, "rows": [], "archived": [], "messages": []}
    assert len(places(datetime.now(UTC))) == len(people), "each place was deadly once"
    assert (await oo(["offline", "verify"])).exit_code == 0
    version = world.registry.versions(SERVICE.model)[-1]
    rows = pq.read_table(io.BytesIO(world.registry.read_file(version, TRAINING_ROWS)))
    assert set(rows["user_id"].to_pylist()) == {""}


async def test_an_archive_that_was_away_keeps_nothing_of_the_person(world: World, oo: Run) -> None:
    await world.tell(HERE, "bo")
    told = await world.tell(HERE, ADA)
    await world.consumed("archive")
    done = await oo(["forget", "--tenant", HERE, "--yes", "--", ADA])
    assert done.exit_code == 0, done.output
    assert table_of(done.output)["stream SIGNALS"] == (4, 4, 0)
    for event in told[:3]:
        await world.js.publish(SUBJECTS[event.event_type], event.to_json())

    await world.consumed()

    assert files_with(ADA, Path(world.settings.offline_store)) == []
    assert len((await world.knows(HERE, "bo"))["archived"]) == 8
    verified = await oo(["offline", "verify"])
    assert verified.exit_code == 0, verified.output
    assert "SIGNALS: 7 rows" in verified.output, "three of them are blank"


async def test_messages_in_hand_of_a_consumer_that_is_down_are_told_and_nothing_is_removed_under_it(
    world: World, oo: Run
) -> None:
    await world.tell(HERE, ADA)
    durable = NAMED["archive-signals"]
    info = await world.js.consumer_info(durable.stream, durable.name)
    await world.js.add_consumer(durable.stream, info.config.evolve(ack_wait=2.0))  # a dead process is known sooner
    dead = await world.js.pull_subscribe_bind(consumer=durable.name, stream=durable.stream)
    assert len(await dead.fetch(2)) == 2

    refused = await oo(["forget", "--tenant", HERE, "--yes", "--patience", "0.5", "--", ADA])

    assert refused.exit_code == 1
    assert "still in hand at archive-signals; is that consumer running?" in one_line(refused.stderr)
    assert len(await world.messages(HERE, ADA)) == 8
    async with world.consumers():
        done = await oo(["forget", "--tenant", HERE, "--yes", "--", ADA])
        assert done.exit_code == 0, done.output
    assert await world.knows(HERE, ADA) == {"online": None, "rows": [], "archived": [], "messages": []}


async def test_consumers_may_be_at_work_all_the_while(world: World, oo: Run) -> None:
    stop = asyncio.Event()

    async def others() -> int:
        told = 0
        while not stop.is_set():
            await world.tell(HERE, "bo")
            told += 8
            await asyncio.sleep(0.2)  # the machine is everybody's
        return told

    async with world.consumers():
        for _ in range(5):
            await world.tell(HERE, ADA)
        telling = asyncio.create_task(others())
        done = await oo(["forget", "--tenant", HERE, "--yes", "--", ADA])
        stop.set()
        told = await telling
        for durable in READING:
            await all_left(world.js, durable)
        paused = [await world.js.consumer_info(durable.stream, durable.name) for durable in READING]
    assert done.exit_code == 0, done.output
    assert not any(info.paused for info in paused)
    assert len((await world.knows(HERE, "bo"))["archived"]) == told
    assert (await oo(["offline", "verify"])).exit_code == 0


async def test_a_dry_run_counts_and_a_no_changes_nothing(world: World, oo: Run) -> None:
    await world.tell(HERE, ADA)
    await world.consumed()
    before = await world.knows(HERE, ADA)

    told = await oo(["forget", "--dry-run", "--", ADA])
    declined = await oo(["forget", "--", ADA], input="n\n")

    assert told.exit_code == 0, told.output
    assert "a person of here" in told.output, "the only tenant with this id"
    assert table_of(told.output)["stream FEEDBACK"] == (2, 0, 2)
    assert table_of(told.output)["offline store"] == (8, 0, 8)
    assert declined.exit_code == 1
    assert await world.knows(HERE, ADA) == before
    bucket = await world.js.key_value(streams.TOMBSTONES_BUCKET)
    assert not (await bucket.status()).values
    assert (await oo(["forget", "--", ADA], input="y\n")).exit_code == 0
    assert (await bucket.status()).values == 1


async def test_an_id_that_no_store_or_several_tenants_know_needs_its_tenant(world: World, oo: Run) -> None:
    unknown = await oo(["forget", "--yes", "nobody"])
    assert unknown.exit_code == 1
    assert "no store knows this id; say whose person it is with --tenant (the catalog has here, there)" in one_line(
        unknown.stderr
    )
    await world.tell(HERE, "bo")
    await world.tell(THERE, "bo")
    await world.consumed()
    several = await oo(["forget", "--yes", "bo"])
    assert "this id is somebody in each of here, there" in one_line(several.stderr)
    known = await oo(["forget", "--yes", "--tenant", HERE, "nobody"])
    assert known.exit_code == 0, known.output
    assert set(table_of(known.output).values()) == {(0, 0, 0)}
    key = Person(HERE, "nobody").key
    bucket = await world.js.key_value(streams.TOMBSTONES_BUCKET)
    assert json.loads((await bucket.get(key)).value or b"")["erased_at"]


async def test_feedback_that_came_back_under_another_sequence_is_traced_once(world: World) -> None:
    told = envelope("generate_decided", tenant_id=HERE, user_id=ADA)
    shown = envelope("tip_exposed", tenant_id=HERE, user_id=ADA)
    await publish(world.js, told)
    for name in ("first", "again"):
        await world.js.publish(SUBJECTS["tip_exposed"], shown.to_json(), headers={"Nats-Msg-Id": name})
    await world.consumed()
    decided = told.generate_decided
    assert decided is not None
    assert len(world.offline.decision(decided.decision_id)) == 3
    async with tracing(world.settings) as tracer:
        lineage = await tracer.trace(decided.decision_id)
    assert lineage.feedback == (shown,)


@pytest.mark.parametrize("user", ["", "a\x00b", "x" * 257, "\udcff"])
async def test_what_can_be_nobodys_id_is_refused_by_the_command(oo: Run, user: str) -> None:
    refused = await oo(["forget", "--tenant", HERE, "--yes", "--", user])
    assert refused.exit_code == 2
    assert "an id has 1 to 256 characters" in one_line(refused.stderr)
