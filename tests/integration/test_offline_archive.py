"""The archive as a process on a real server: killed, out of room, locked out. `oo offline verify` is the judge."""

import asyncio
import ctypes
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from nats.js import JetStreamContext
from typer.testing import CliRunner, Result

from oo.bus import streams
from oo.bus.dead_letters import bury
from oo.bus.delivery import Delivery, Reject
from oo.bus.publisher import publish
from oo.cli import app
from oo.events.subjects import DURABLES, STREAMS, SUBJECTS, ConsumerName
from oo.offline.archived import Archived
from oo.offline.events_table import EventsTable
from oo.offline.store import SIGNAL_TYPES, OfflineStore
from oo.offline.stream_account import ARCHIVED_STREAMS, StreamAccount
from tests.envelopes import envelope
from tests.integration.consuming import Diary, all_left, consuming

PATIENCE = 60.0
ARCHIVES = [durable for durable in DURABLES if durable.consumer == "archive" and durable.stream in ARCHIVED_STREAMS]
[SIGNALS] = [durable for durable in ARCHIVES if durable.stream == "SIGNALS"]
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1

Oo = Callable[..., Awaitable[Result]]


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext) -> None:
    await streams.ensure(jetstream)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "offline"


@pytest.fixture
def environment(nats_url: str, folder: Path) -> dict[str, str]:
    return {"OO_NATS_URL": nats_url, "OO_OFFLINE_STORE": str(folder), "OO_HEALTH_PORT": "0", "OO_BATCH_SIZE": "20"}


@pytest.fixture
def oo(environment: dict[str, str]) -> Oo:
    """The command line, on a thread of its own since it starts a loop."""
    return partial(asyncio.to_thread, partial(CliRunner(env=environment).invoke, app))


def _as_anybody() -> None:
    """Take from root, should the tests run as root, the right to write where nobody may."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


@asynccontextmanager
async def archive(environment: dict[str, str], module: str = "consumers.archive") -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env=os.environ | environment,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=_as_anybody,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE)


async def said(process: Process, words: str) -> str:
    """The line in which the process says these words."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            if words in line.decode():
                return line.decode()
    raise AssertionError(f"it ended and never said {words!r}")


async def tell(js: JetStreamContext, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await publish(js, envelope(event_id=f"event-{number}"))


async def archived(js: JetStreamContext) -> None:
    for durable in ARCHIVES:
        await all_left(js, durable)


def change_mode(folder: Path, mode: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(mode)


def event_ids(folder: Path) -> list[str]:
    batches = OfflineStore(folder).scan(SIGNAL_TYPES, columns=("event_id",))
    return sorted(event_id for batch in batches for event_id in batch["event_id"].to_pylist())


def expected(last: int) -> list[str]:
    return sorted(f"event-{number}" for number in range(1, last + 1))


def test_the_archive_reads_every_subject_of_the_streams_that_hold_events() -> None:
    holding = {stream for stream, patterns in STREAMS.items() if _hold(patterns, SUBJECTS.values())}

    assert holding == set(ARCHIVED_STREAMS)
    assert {durable.stream: durable.subjects for durable in ARCHIVES} == {name: STREAMS[name] for name in holding}


def _hold(patterns: Iterable[str], subjects: Iterable[str]) -> bool:
    return any(subject.startswith(pattern.removesuffix(">")) for pattern in patterns for subject in subjects)


async def test_a_crash_between_write_and_acknowledgement_leaves_no_duplicate_and_no_gap(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo
) -> None:
    config = (await jetstream.consumer_info(SIGNALS.stream, SIGNALS.name)).config
    await jetstream.add_consumer(SIGNALS.stream, config.evolve(ack_wait=1.0))  # a dead process is known sooner
    await tell(jetstream, 1, 50)
    kept: list[str] = []
    for _ in range(2):
        async with archive(environment, "tests.integration.dying_archive") as process:
            assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGKILL
        before, kept = kept, event_ids(folder)
        assert len(set(kept)) == len(kept) > len(before), "it was written, once"
        assert before or len(kept) == 20, "the first batch has nothing that came before"
        floor = (await jetstream.consumer_info(SIGNALS.stream, SIGNALS.name)).ack_floor
        assert (floor.stream_seq if floor else 0) < len(kept), "and not acknowledged"

    async with archive(environment):
        await archived(jetstream)

    assert event_ids(folder) == expected(50)
    verified = await oo(["offline", "verify"])
    assert verified.exit_code == 0, verified.output
    assert "SIGNALS: 50 rows, sequences 1 to 50; acknowledged through 50" in verified.output
    assert verified.output.count("  0 gaps") == verified.output.count("  0 duplicates") == 3


async def test_a_full_disk_is_told_and_when_there_is_room_again_everything_arrives_once(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo
) -> None:
    async with archive(environment) as process:
        await tell(jetstream, 1, 3)
        await archived(jetstream)
        version = OfflineStore(folder).version()
        # No file may grow beyond this: the kernel refuses the write as it does on a full disk.
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000, hard))
        await tell(jetstream, 4, 9)

        line = await said(process, "no room; make some, nothing is lost")

        assert str(folder) in line
        assert OfflineStore(folder).version() == version
        info = await jetstream.consumer_info(SIGNALS.stream, SIGNALS.name)
        assert info.ack_floor is not None
        assert info.ack_floor.stream_seq == 3, "nothing was acknowledged"

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        await archived(jetstream)

    assert event_ids(folder) == expected(9)
    verified = await oo(["offline", "verify"])
    assert verified.exit_code == 0, verified.output


async def test_a_read_only_folder_is_told_and_when_it_can_be_written_again_everything_arrives_once(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo
) -> None:
    async with archive(environment) as process:
        await tell(jetstream, 1, 3)
        await archived(jetstream)
        change_mode(folder, 0o555)
        await tell(jetstream, 4, 9)

        line = await said(process, "this process may not write; allow it, nothing is lost")

        assert str(folder) in line
        change_mode(folder, 0o755)
        await archived(jetstream)

    assert event_ids(folder) == expected(9)
    verified = await oo(["offline", "verify"])
    assert verified.exit_code == 0, verified.output


async def test_a_disk_without_room_for_the_first_event_is_told_too(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path
) -> None:
    async with archive(environment) as process:
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, hard))
        await tell(jetstream, 1, 3)
        await said(process, "no room; make some, nothing is lost")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        await archived(jetstream)

    assert event_ids(folder) == expected(3)


async def test_what_was_rejected_or_deleted_is_no_gap(
    jetstream: JetStreamContext, environment: dict[str, str], oo: Oo
) -> None:
    await tell(jetstream, 1, 4)
    await jetstream.publish("signals.session_started", b"no event")
    await jetstream.publish("signals.session_started", b"no event, and its letter will be dropped")
    await tell(jetstream, 7, 9)
    await jetstream.delete_msg("SIGNALS", 2)
    async with archive(environment):
        await archived(jetstream)
    await jetstream.delete_msg("DLQ", 2)

    verified = await oo(["offline", "verify", "--stream", "SIGNALS"])

    assert verified.exit_code == 0, verified.output
    assert "SIGNALS: 6 rows, sequences 1 to 9; acknowledged through 9" in verified.output
    assert "2 rejected, 1 deleted in the stream" in verified.output


async def test_lost_and_doubled_rows_are_named_and_fail_the_command(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo, tmp_path: Path
) -> None:
    await tell(jetstream, 1, 3)
    async with archive(environment):
        await archived(jetstream)
    rows = [Archived(**row) for batch in OfflineStore(folder).scan(SIGNAL_TYPES) for row in batch.to_pylist()]
    broken = tmp_path / "broken"
    OfflineStore(broken).append([row for row in rows if row.sequence != 2])
    EventsTable.open(str(broken), {}).append([row for row in rows if row.sequence == 3], {"SIGNALS": 3})
    environment["OO_OFFLINE_STORE"] = str(broken)

    verified = await oo(["offline", "verify", "--stream", "SIGNALS"])

    assert verified.exit_code == 1
    assert "1 gaps: 2" in verified.output
    assert "1 duplicates: 3" in verified.output


async def test_a_stream_made_again_is_verified_by_its_own_messages(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo
) -> None:
    await tell(jetstream, 1, 5)
    async with archive(environment):
        await archived(jetstream)
    await jetstream.delete_stream("SIGNALS")
    await streams.ensure(jetstream)
    await tell(jetstream, 6, 7)
    async with archive(environment):
        await archived(jetstream)

    verified = await oo(["offline", "verify", "--stream", "SIGNALS"])

    assert verified.exit_code == 0, verified.output
    assert "SIGNALS: 2 rows, sequences 1 to 2; acknowledged through 2" in verified.output
    assert event_ids(folder) == expected(7)


async def test_the_command_line_compacts_names_and_forgets(
    jetstream: JetStreamContext, environment: dict[str, str], folder: Path, oo: Oo
) -> None:
    async with archive(environment):
        for number in (1, 2, 3):
            await tell(jetstream, number, number)
            await archived(jetstream)

    assert (await oo(["offline", "snapshot", "before", "--drop"])).exit_code == 1
    named = await oo(["offline", "snapshot", "before"])
    assert named.output == f"before is version {OfflineStore(folder).snapshot('before').version}\n"
    assert f"{datetime.now(UTC):%Y-%m-%d}" in (await oo(["offline", "snapshots"])).output
    unknown = await oo(["pipeline", "run", "train", "tips@1", "--snapshot", "after"])
    assert unknown.exit_code == 1
    assert "it has before" in unknown.output
    told = await oo(["offline", "compact", "--dry-run"])
    assert "3 files would become 1" in told.output
    done = await oo(["offline", "compact"])
    assert "3 files become 1, 0.0 MB become 0.0 MB" in done.output
    assert (await oo(["offline", "compact", "--older-than", "0"])).exit_code == 2
    assert (await oo(["offline", "verify"])).exit_code == 0
    assert (await oo(["offline", "snapshot", "before", "--drop"])).output == "before is forgotten\n"


async def test_letters_of_the_archive_account_for_a_message_and_those_of_others_do_not(
    jetstream: JetStreamContext,
) -> None:
    await tell(jetstream, 1, 3)
    message = envelope(event_id="event-1")
    letters: tuple[tuple[ConsumerName, int], ...] = (("archive", 1), ("signals", 2))
    for consumer, sequence in letters:
        delivery = Delivery("signals.session_started", message.to_json(), {}, "SIGNALS", sequence, datetime.now(UTC), 1)
        await bury(jetstream, consumer, delivery, Reject("exceeded", "it was tried ten times"))

    account = await StreamAccount.read(jetstream, "SIGNALS")

    assert account.rejected.tolist() == [1]
    assert (await StreamAccount.read(jetstream, "FEEDBACK")).rejected.tolist() == []


async def test_a_message_that_came_back_under_a_later_sequence_is_no_gap(
    jetstream: JetStreamContext, folder: Path, oo: Oo
) -> None:
    deliveries = Diary()
    await publish(jetstream, sent := envelope(event_id="replayed"))
    await jetstream.publish("signals.session_started", sent.to_json(), headers={"Nats-Msg-Id": "replay.SIGNALS.1"})
    await publish(jetstream, lost := envelope(event_id="lost"))
    async with consuming(jetstream, deliveries, SIGNALS):
        await all_left(jetstream, SIGNALS)
    assert lost.event_id in deliveries.event_ids
    OfflineStore(folder).append([Archived.of(deliveries.deliveries[1], sent)])

    verified = await oo(["offline", "verify", "--stream", "SIGNALS"])

    assert verified.exit_code == 1
    assert "1 rejected, 0 deleted in the stream" in verified.output
    assert "1 gaps: 3" in verified.output
