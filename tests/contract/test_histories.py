"""One suite for the history in memory and the one in JetStream."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError

from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.stream_reader import messages
from oo.errors import HistoryMoved, HistoryUnreachable
from oo.registry.history import History, Kind, Recorded, Stage, Subject, Transition
from oo.registry.memory_history import MemoryHistory
from oo.registry.nats_history import NatsHistory
from tests.integration.consuming import until
from tests.integration.nats_server import NatsServer

TIPS = Subject(kind="model", name="tips")
KINDS: tuple[Kind, ...] = ("model", "policy", "prompt")
NAMES = ("ada", "Ada", "ada.b", "ada b", "*", ">", "å", "🦉" * 256, "=", "=YQ==", "a", "a/", "{}", "model.ada")
T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    client = await connect(server.url, "oo-tests")
    await streams.ensure(client.jetstream())
    yield client
    await client.close()


@pytest.fixture
def jetstream(client: Client) -> JetStreamContext:
    return client.jetstream(timeout=2)


@pytest.fixture
def nats_history(jetstream: JetStreamContext) -> NatsHistory:
    return NatsHistory(jetstream)


@pytest.fixture(params=["memory", "nats"])
def history(request: pytest.FixtureRequest) -> History:
    if request.param == "memory":
        return MemoryHistory()
    nats_history: NatsHistory = request.getfixturevalue("nats_history")
    return nats_history


def transition(
    stage: Stage = "challenger", *, subject: Subject = TIPS, version: str = "2", at: datetime = T0, who: str = "ada"
) -> Transition:
    percent = 5 if stage == "canary" else 0
    return Transition(
        subject=subject, version=version, stage=stage, percent=percent, champion="1", at=at, who=who, why="it is better"
    )


async def appended(history: History, *transitions: Transition) -> list[Recorded]:
    """What was written of one subject without any."""
    written: list[Recorded] = []
    for one in transitions:
        written.append(await history.append(one, after=written[-1].sequence if written else 0))
    return written


async def test_at_first_nothing_is_known(history: History) -> None:
    assert list(await history.of(TIPS)) == []
    assert list(await history.subjects()) == []


async def test_what_is_written_is_read_in_its_order(history: History) -> None:
    written = await appended(history, *(transition(stage) for stage in get_args(Stage)))
    assert list(await history.of(TIPS)) == written
    assert [found.transition.stage for found in written] == [
        "challenger",
        "shadow",
        "canary",
        "champion",
        "rolled_back",
    ]
    assert [found.sequence for found in written] == sorted({found.sequence for found in written})


async def test_nothing_of_a_transition_is_lost(history: History) -> None:
    whole = Transition(
        subject=TIPS,
        version="2",
        stage="canary",
        percent=25,
        champion="1",
        at=datetime(2026, 11, 1, 13, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
        who="pipeline promote-7 🦉",
        why='She said "go"\nand \\ so it went.',
        evidence="e" * 64,
        digest="d" * 64,
        feature_digest="f" * 64,
        image="sha256:abc",
    )
    await history.append(whole, after=0)
    (found,) = await history.of(TIPS)
    assert found.transition == whole


async def test_who_has_not_seen_the_last_one_may_not_write(history: History) -> None:
    first, second = await appended(history, transition("challenger"), transition("shadow"))
    for after in (0, first.sequence, second.sequence + 1):
        with pytest.raises(HistoryMoved, match=r"model tips is no longer at \d; read it and decide again"):
            await history.append(transition("canary"), after=after)
    assert list(await history.of(TIPS)) == [first, second]
    await history.append(transition("canary"), after=second.sequence)


async def test_the_first_one_is_written_after_none_alone(history: History) -> None:
    with pytest.raises(HistoryMoved):
        await history.append(transition(), after=1)
    assert list(await history.subjects()) == []


async def test_the_same_again_after_the_same_is_not_written_twice(history: History) -> None:
    written = await appended(history, transition())
    with pytest.raises(HistoryMoved):
        await history.append(transition(), after=0)
    assert list(await history.of(TIPS)) == written


@pytest.mark.parametrize("who", [["ada", "bob"], ["ada", "ada"]], ids=["two people", "one person twice"])
async def test_of_two_who_write_at_once_one_wins_and_the_other_hears_it(history: History, who: list[str]) -> None:
    (seen,) = await appended(history, transition())
    outcomes = await asyncio.gather(
        *(history.append(transition("shadow", who=name), after=seen.sequence) for name in who), return_exceptions=True
    )
    (winner,) = (outcome for outcome in outcomes if isinstance(outcome, Recorded))
    assert [type(outcome) for outcome in outcomes if outcome is not winner] == [HistoryMoved]
    assert list(await history.of(TIPS)) == [seen, winner]


async def test_of_twenty_who_try_until_it_works_each_is_written_once(history: History) -> None:
    async def write(who: str) -> None:
        while True:
            seen = await history.of(TIPS)
            try:
                await history.append(transition(who=who), after=seen[-1].sequence if seen else 0)
            except HistoryMoved:
                continue
            return

    everybody = [f"operator {number}" for number in range(20)]
    await asyncio.gather(*map(write, everybody))
    assert sorted(found.transition.who for found in await history.of(TIPS)) == sorted(everybody)


async def test_subjects_are_kept_apart_whatever_they_are_called(history: History) -> None:
    subjects = [Subject(kind=kind, name=name) for kind in reversed(KINDS) for name in NAMES]
    for number, subject in enumerate(subjects):
        await history.append(transition(subject=subject, version=str(number)), after=0)
    for number, subject in enumerate(subjects):
        assert [found.transition.version for found in await history.of(subject)] == [str(number)]
    expected = [Subject(kind=kind, name=name) for kind in KINDS for name in sorted(NAMES)]
    assert list(await history.subjects()) == expected


async def test_until_a_moment_means_also_at_that_moment(history: History) -> None:
    written = await appended(
        history,
        transition("challenger"),
        transition("shadow", at=T0 + MINUTE),
        transition("canary", at=T0 + 2 * MINUTE),
    )
    assert list(await history.of(TIPS, until=T0 - MINUTE)) == []
    assert list(await history.of(TIPS, until=T0 + MINUTE)) == written[:2]
    assert list(await history.of(TIPS, until=T0 + MINUTE - timedelta(microseconds=1))) == written[:1]
    assert list(await history.of(TIPS, until=T0 + 9 * MINUTE)) == written


@pytest.mark.parametrize("end", [NatsServer.stop, NatsServer.kill])
async def test_a_restart_forgets_nothing(server: NatsServer, nats_history: NatsHistory, end: object) -> None:
    written = await appended(nats_history, transition("challenger"), transition("shadow"))
    assert callable(end)
    end(server)
    server.start()
    client = await connect(server.url, "oo-tests")
    await streams.ensure(client.jetstream())
    assert list(await NatsHistory(client.jetstream()).of(TIPS)) == written
    await client.close()


async def test_what_a_replica_has_not_heard_of_is_read_from_the_leader(
    nats_history: NatsHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = await appended(nats_history, *(transition(stage) for stage in get_args(Stage)))

    async def lagging(*arguments: Any, **options: Any) -> AsyncIterator[Msg]:  # noqa: ANN401  # as they came
        found = [message async for message in messages(*arguments, **options)]
        for message in found[:2]:
            yield message

    monkeypatch.setattr("oo.registry.nats_history.messages", lagging)
    assert list(await nats_history.of(TIPS)) == written


async def test_nothing_can_be_deleted_nor_made_deletable(
    jetstream: JetStreamContext, nats_history: NatsHistory
) -> None:
    written = await appended(nats_history, transition("challenger"), transition("shadow"))
    with pytest.raises(APIError, match="message delete not permitted"):
        await jetstream.delete_msg("HISTORY", 1)
    with pytest.raises(APIError, match="stream purge not permitted"):
        await jetstream.purge_stream("HISTORY")
    config = (await jetstream.stream_info("HISTORY")).config
    with pytest.raises(APIError, match="can not cancel deny message deletes"):
        await jetstream.update_stream(config.evolve(deny_delete=False))
    with pytest.raises(APIError, match="can not cancel deny purge"):
        await jetstream.update_stream(config.evolve(deny_purge=False))
    assert list(await nats_history.of(TIPS)) == written


async def test_a_full_history_refuses_what_is_new_and_keeps_what_is_there(
    jetstream: JetStreamContext, nats_history: NatsHistory
) -> None:
    written = await appended(nats_history, transition("challenger"))
    await streams.ensure(jetstream, streams.Limits(max_bytes={"HISTORY": 500}))
    with pytest.raises(HistoryUnreachable, match="maximum bytes exceeded"):
        await nats_history.append(transition("shadow"), after=written[-1].sequence)
    assert list(await nats_history.of(TIPS)) == written


async def test_an_answer_that_was_lost_does_not_make_two_of_one(server: NatsServer, client: Client) -> None:
    hurried = NatsHistory(client.jetstream(timeout=0.3))
    server.freeze()
    with pytest.raises(HistoryUnreachable, match="nothing is written twice"):
        await hurried.append(transition(), after=0)
    server.thaw()
    history = NatsHistory(client.jetstream())
    with pytest.raises(HistoryMoved):
        await history.append(transition(), after=0)
    (written,) = await history.of(TIPS)
    assert written.transition == transition()


async def test_a_server_that_is_away_is_told_and_hears_nothing_later(
    server: NatsServer, client: Client, nats_history: NatsHistory
) -> None:
    server.stop()
    await until(lambda: not client.is_connected)
    for asking in (nats_history.append(transition(), after=0), nats_history.of(TIPS), nats_history.subjects()):
        with pytest.raises(HistoryUnreachable, match="is the NATS server running"):
            await asking
    server.start()
    await until(lambda: client.is_connected)
    await nats_history.append(transition("shadow"), after=0)
    assert [found.transition.stage for found in await nats_history.of(TIPS)] == ["shadow"]


async def test_a_server_without_the_stream_is_told_with_what_makes_it(
    jetstream: JetStreamContext, nats_history: NatsHistory
) -> None:
    await jetstream.delete_stream("HISTORY")
    for asking in (nats_history.append(transition(), after=0), nats_history.of(TIPS), nats_history.subjects()):
        with pytest.raises(HistoryUnreachable, match="no stream HISTORY; `oo bootstrap` makes it"):
            await asking


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"version": "2"}', transition().model_dump_json().encode()[:-1] + b',"new":1}']
)
async def test_what_cannot_be_read_is_told_and_not_left_out(
    jetstream: JetStreamContext, nats_history: NatsHistory, data: bytes
) -> None:
    await jetstream.publish("history.model.tips", data)
    for asking in (nats_history.of(TIPS), nats_history.subjects()):
        with pytest.raises(HistoryUnreachable, match="entry 1 of the history cannot be read"):
            await asking
