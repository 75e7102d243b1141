"""Every role on a real server: what it is for works, and whatever else it tries is refused."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.roles import ROLES, Role, accounts, inbox, permissions
from oo.bus.streams import TRAFFIC_BUCKET
from oo.decisions.splits import Splits
from oo.errors import BusUnreachable
from oo.events.subjects import DURABLES, STREAMS, SUBJECTS
from oo.registry.history import Subject, Transition
from oo.registry.nats_history import NatsHistory
from oo.rollout.bus_traffic import BusTraffic
from oo.rollout.traffic import Traffic
from oo.settings import ProcessSettings
from oo.wiring.process import on_the_bus
from tests.integration.consuming import until
from tests.integration.nats_server import NatsServer

# What each role is for, said a second time by hand: the data that it may write, …
WRITES: dict[Role, set[str]] = {
    "scorer": {"decisions.score"},
    "shadow-scorer": {"decisions.shadow.score"},
    "generator": {"decisions.generate", "decisions.shadow.generate", "$KV.written_tips.x", "$KV.budgets.x"},
    "shadow-generator": {"decisions.shadow.generate"},
    "signals": {"dlq.signals", "$KV.features.x"},
    "archive": {"dlq.archive"},
    "rewards": {"dlq.rewards", "$KV.policy_state.x"},
    "bootstrap": set(),
    "promoter": {"history.model.x", "$KV.traffic.x", "$KV.evidence.x"},
    "caller": {
        "signals.session_started",
        "signals.activity_completed",
        "integration.calendar_day_summarized",
        "integration.sleep_recorded",
        "feedback.tip_exposed",
        "feedback.tip_reacted",
    },
}
# … the streams of which it may find single messages, buckets among them, …
_SERVING = {"DECISIONS", "KV_features", "KV_traffic"}
FINDS: dict[Role, set[str]] = {
    "scorer": _SERVING | {"KV_policy_state"},
    "shadow-scorer": _SERVING | {"KV_policy_state"},
    "generator": _SERVING | {"KV_written_tips", "KV_budgets"},
    "shadow-generator": _SERVING | {"KV_written_tips"},
    "signals": {"SIGNALS", "ADVISORIES", "KV_features", "KV_tombstones"},
    "archive": {"SIGNALS", "FEEDBACK", "DECISIONS", "ADVISORIES", "KV_tombstones"},
    "rewards": {"DECISIONS", "FEEDBACK", "ADVISORIES", "KV_policy_state", "KV_tombstones"},
    "bootstrap": set(),
    "promoter": {"HISTORY", "KV_traffic", "KV_evidence"},
    "caller": set(),
}
# … and those that it may read through.
READS: dict[Role, set[str]] = {
    "scorer": {"KV_policy_state", "KV_traffic"},
    "shadow-scorer": {"KV_policy_state", "KV_traffic"},
    "generator": {"KV_traffic"},
    "shadow-generator": {"KV_traffic"},
    "promoter": {"HISTORY"},
}
LIMITED = [role for role in ROLES if role != "operator"]
ALL_STREAMS = [*STREAMS, *(f"KV_{bucket}" for bucket in streams.BUCKETS)]
DATA = {
    *SUBJECTS.values(),
    *(subject.replace("decisions.", "decisions.shadow.") for subject in SUBJECTS.values()),
    *(f"dlq.{consumer}" for consumer in ("signals", "archive", "rewards")),
    *(f"$KV.{bucket}.x" for bucket in streams.BUCKETS),
    *(f"{inbox(role)}.x" for role in ROLES),
    "decisions.shadow.anything",
    "history.model.x",
    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.SIGNALS.signals-signals",
    "$SYS.REQ.SERVER.PING",
    "_INBOX.x",
    "anything.else",
}
LAST = "the.last"
NOBODYS = ("STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.SNAPSHOT", "STREAM.RESTORE")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    folder = tmp_path_factory.mktemp("roles")
    server = NatsServer(folder / "jetstream", folder, config=accounts(json.dumps))
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def being(server: NatsServer, role: Role) -> AsyncIterator[Client]:
    client = await connect(server.url, "oo-tests", role, role)
    yield client
    await client.close()


@pytest.fixture
async def operator(server: NatsServer) -> AsyncIterator[Client]:
    """Beside streams that the bootstrap has made."""
    async with being(server, "bootstrap") as bootstrap:
        await streams.ensure(bootstrap.jetstream())
    async with being(server, "operator") as client:
        yield client


async def refused(server: NatsServer, role: Role, *, published: set[str], subscribed: set[str]) -> set[str]:
    """The subjects for which the server complains."""
    said: list[str] = []

    async def tell(error: Exception) -> None:
        said.append(str(error))

    client = await nats.connect(server.url, user=role, password=role, error_cb=tell)
    for subject in published:
        await client.publish(subject, b"{}")
    for subject in subscribed:
        await client.subscribe(subject)
    # The server complains in order, and answers a flush before it does.
    await client.publish(LAST, b"")
    await until(lambda: any(LAST in line for line in said))
    await client.close()
    lowered = {subject.lower(): subject for subject in published | subscribed}
    return {lowered[subject] for line in said if (subject := line.split('"')[1]) != LAST}


def requests(role: Role) -> dict[str, bool]:
    """Questions to JetStream's API, and whether the role may ask them."""
    finds, reads = FINDS[role], READS.get(role, set())
    asked = {f"$JS.API.{verb}.{stream}": False for verb in NOBODYS for stream in ALL_STREAMS}
    for stream in ALL_STREAMS:
        asked[f"$JS.API.STREAM.INFO.{stream}"] = role != "caller"
        asked[f"$JS.API.STREAM.CREATE.{stream}"] = asked[f"$JS.API.STREAM.UPDATE.{stream}"] = role == "bootstrap"
        asked[f"$JS.API.CONSUMER.CREATE.{stream}"] = stream in reads
        asked[f"$JS.API.CONSUMER.CREATE.{stream}.any"] = stream in reads or role == "bootstrap"
        asked[f"$JS.API.CONSUMER.DELETE.{stream}.any"] = stream in reads
        asked[f"$JS.API.CONSUMER.PAUSE.{stream}.any"] = False
        asked[f"$JS.API.CONSUMER.MSG.NEXT.{stream}.any"] = stream in reads
        bucket = stream.removeprefix("KV_")
        if bucket == stream:
            asked[f"$JS.API.STREAM.MSG.GET.{stream}"] = stream in finds
            asked[f"$JS.API.DIRECT.GET.{stream}"] = False
        else:
            asked[f"$JS.API.DIRECT.GET.{stream}.$KV.{bucket}.x"] = stream in finds
            asked[f"$JS.API.STREAM.MSG.GET.{stream}"] = stream in finds and bucket == "tombstones"
    for durable in DURABLES:
        own = durable.consumer == role
        asked[f"$JS.API.CONSUMER.MSG.NEXT.{durable.stream}.{durable.name}"] = own
        asked[f"$JS.ACK.{durable.stream}.{durable.name}.1.1.1.1.1"] = own
    return asked


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("role", LIMITED)
async def test_a_role_may_write_and_ask_what_its_work_takes_and_nothing_else(server: NatsServer, role: Role) -> None:
    asked = requests(role)
    wanted = {subject for subject, may in asked.items() if not may} | (DATA - WRITES[role])
    assert await refused(server, role, published=DATA | asked.keys(), subscribed=set()) == wanted


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("role", LIMITED)
async def test_a_role_may_listen_to_its_own_inbox_and_nothing_else(server: NatsServer, role: Role) -> None:
    tried = DATA | {">", "*.>", "_INBOX.>", "decisions.>", "$KV.>", "$JS.>"}
    own = {f"{inbox(role)}.x"}
    assert await refused(server, role, published=set(), subscribed=tried) == tried - own


def test_only_the_operator_may_do_all() -> None:
    assert [role for role in ROLES if ">" in permissions(role).publish + permissions(role).subscribe] == ["operator"]


async def test_who_gives_no_user_is_not_let_in(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.connection.PATIENCE", 0.5)
    with pytest.raises(BusUnreachable, match="Authorization Violation"):
        await connect(server.url, "oo-tests")


@pytest.mark.usefixtures("operator")
async def test_a_promoter_moves_a_tenants_traffic_and_the_shadow_follows(server: NatsServer) -> None:
    subject = Subject(kind="policy", name="example")
    traffic = Traffic(subject, "uniform@1", "uniform@2", percent=5)
    splits = Splits()
    async with being(server, "promoter") as promoter, being(server, "shadow-scorer") as shadow:
        following = asyncio.create_task(splits.follow(await shadow.jetstream().key_value(TRAFFIC_BUCKET)))
        actuator = BusTraffic(await promoter.jetstream().key_value(TRAFFIC_BUCKET))
        await actuator.apply(traffic)
        assert await actuator.current(subject) == traffic
        await until(lambda: splits.of("policy", "example"))
        following.cancel()


@pytest.mark.usefixtures("operator")
async def test_a_promoter_tells_the_history_and_finds_it(server: NatsServer) -> None:
    subject = Subject(kind="model", name="digits")
    told = Transition(subject=subject, version="2", stage="challenger", at=datetime.now(UTC), who="ada", why="Better.")
    async with being(server, "promoter") as promoter:
        history = NatsHistory(promoter.jetstream())
        written = await history.append(told, after=0)
        assert await history.of(subject) == [written]


async def test_who_may_not_make_the_streams_waits_for_those_who_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("oo.wiring.process.configure_logging", lambda _: None)  # it would outlive the test
    server = NatsServer(tmp_path / "jetstream", tmp_path, config=accounts(json.dumps))
    server.start()

    async def starting() -> None:
        async with on_the_bus(settings(server, "signals"), "oo-tests"):
            pass

    with caplog.at_level(logging.INFO, "oo.wiring.process"):
        waiting = asyncio.create_task(starting())
        await until(lambda: caplog.records)
        assert caplog.records[0].message == "waiting for `oo bootstrap`"
        assert "stream SIGNALS" in caplog.records[0].__dict__["missing"]
        async with on_the_bus(settings(server, "bootstrap"), "oo-tests"):
            await waiting
    server.stop()


async def test_who_waits_in_vain_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.wiring.process.configure_logging", lambda _: None)  # it would outlive the test
    monkeypatch.setattr("oo.wiring.process.BOOTSTRAP_LOOKS", 1)
    server = NatsServer(tmp_path / "jetstream", tmp_path, config=accounts(json.dumps))
    server.start()
    with pytest.raises(BusUnreachable, match=r"lacks stream SIGNALS.*bucket evidence.*`oo bootstrap` does"):
        async with on_the_bus(settings(server, "signals"), "oo-tests"):
            pass
    server.stop()


def settings(server: NatsServer, role: Role) -> ProcessSettings:
    return ProcessSettings(nats_url=server.url, nats_user=role, nats_password=SecretStr(role))
