"""Dead letters on a real server: what is kept, what the command line does with it, and that totals stay exact."""

import asyncio
import re
import subprocess
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from nats.aio.client import Client
from nats.errors import MaxPayloadError
from nats.js import JetStreamContext
from rich.console import Console
from sqlalchemy import select
from typer.testing import CliRunner, Result

from consumers.archive import keeping
from consumers.rewards import joining
from consumers.signals import folding
from oo import catalog as catalogs
from oo.bus import streams
from oo.bus.connection import connect
from oo.bus.dead_letter_box import DeadLetterBox, Selection
from oo.bus.dead_letters import Letter, bury
from oo.bus.delivery import Delivery, Door, Reject
from oo.bus.handling import events_only
from oo.bus.publisher import publish
from oo.cli import app
from oo.errors import PublishFailed
from oo.events.codec import READERS
from oo.events.envelope import EVENT_TYPES, Envelope
from oo.events.subjects import DURABLES, SUBJECTS
from oo.features.nats_online_store import NatsOnlineStore
from oo.offline.store import OfflineStore
from oo.printing import progress_bar
from oo.rewards import database, queries
from oo.rewards.tables import tip_feedback, tip_scores
from oo.settings import PipelineSettings
from oo.wiring.dead_letters import dead_letters
from tests.envelopes import EVENTS, envelope
from tests.integration.consuming import PATIENCE, Diary, all_left, consuming, count
from tests.integration.nats_server import PROGRAM, NatsServer

Run = Callable[..., Awaitable[Result]]
SUBJECT = SUBJECTS["session_started"]
INVALID = Reject("invalid_event", "userId: Field required", "InvalidEvent")
V2 = envelope().to_json().replace(b'"v1"', b'"v2"')


@pytest.fixture(autouse=True)
async def _ensured(jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.bus.consumer.FETCH_SECONDS", 0.1)  # a consumer stops the sooner
    await streams.ensure(jetstream)


@pytest.fixture
async def box(nats_url: str) -> AsyncIterator[DeadLetterBox]:
    async with dead_letters(PipelineSettings(nats_url=nats_url)) as opened:
        yield opened


@pytest.fixture
def oo(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line against this test's server, in a thread since it runs a loop of its own."""
    monkeypatch.setenv("OO_NATS_URL", nats_url)
    return partial(asyncio.to_thread, partial(CliRunner().invoke, app))


def delivery(data: bytes = b"poison", sequence: int = 1, **changed: object) -> Delivery:
    moment = datetime(2026, 11, 22, 12, 30, 15, 123456, tzinfo=UTC)
    return replace(Delivery(SUBJECT, data, {}, "SIGNALS", sequence, moment, 3), **changed)  # type: ignore[arg-type]


def progress(_done: int, _of: int) -> None:
    """Nobody looks."""


async def letters(box: DeadLetterBox, selection: Selection = Selection()) -> list[Letter]:  # noqa: B008  # it is frozen
    return [letter async for letter in box.letters(selection, progress)]


async def buried_by_a_consumer(js: JetStreamContext, box: DeadLetterBox) -> Letter:
    async with consuming(js, Diary()):
        await all_left(js)
    (letter,) = await letters(box)
    return letter


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\r\n\x80", b'{"eventId": "\xff', b"HPUB x 1 1\r\n", b"x" * streams.MAX_EVENT_BYTES]
)
async def test_a_letter_holds_the_exact_bytes_and_all_that_was_known(
    jetstream: JetStreamContext, box: DeadLetterBox, data: bytes
) -> None:
    headers = {"Nats-Msg-Id": "e1", "Traceparent": "00-ab", "X-Note": "C:\\x6e  ünï 🦉 \t."}
    headers |= {f"H-{number}": "v" * 50 for number in range(40)}
    await jetstream.publish(SUBJECT, data, headers=headers)
    letter = await buried_by_a_consumer(jetstream, box)
    assert letter.original.data == data
    assert letter.original.headers == headers
    assert letter.headers_dropped == 0
    assert letter.identity == ("signals", "SIGNALS", 1)
    assert (letter.original.subject, letter.original.delivered) == (SUBJECT, 1)
    stored_at = (await jetstream.get_msg("SIGNALS", 1)).time
    assert stored_at is not None
    assert abs(letter.original.published_at - stored_at) < timedelta(milliseconds=1)
    assert letter.reject.reason == "invalid_event"
    assert letter.buried_at >= letter.original.published_at


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (V2, "v2"),
        (b'{"schemaVersion": "v9", "cut off": [1, {"a', "v9"),
        (('{"schemaVersion": "' + "ü" * 300 + '"}').encode(), "ü" * 100),
        (b'{"schemaVersion": 2}', None),
        (b'["schemaVersion"]', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
async def test_a_letter_says_the_schema_version_as_far_as_it_can_be_told(
    jetstream: JetStreamContext, box: DeadLetterBox, data: bytes, version: str | None
) -> None:
    await bury(jetstream, "archive", delivery(data), INVALID)
    (letter,) = await letters(box)
    assert letter.schema_version == version
    assert letter.reject == INVALID
    assert letter.original == delivery(data)


async def test_a_hostile_header_is_neither_ours_nor_an_order_to_the_server(
    jetstream: JetStreamContext, box: DeadLetterBox, nats_server: NatsServer
) -> None:
    hostile = (
        b"NATS/1.0\r\nOo-Reason: forged\r\nOo-Original-Oo-Reason: forged\r\nNats-Expected-Stream: SIGNALS\r\n"
        b"NATS-TTL: 1s\r\nnats-rollup: sub\r\nStatus: 503\r\n(x): 1\r\nNo Name: 2\r\n: 3\r\n"
        b"Esc: \x1b[2J\xc3\xa4\xff\x0b.\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", nats_server.port)
    data = envelope().to_json()
    sizes = f"HPUB {SUBJECT} {len(hostile)} {len(hostile) + len(data)}\r\n".encode()
    writer.write(b'CONNECT {"verbose": false, "headers": true}\r\n' + sizes + hostile + data + b"\r\nPING\r\n")
    await asyncio.wait_for(reader.readuntil(b"PONG"), 10)
    writer.close()
    await writer.wait_closed()

    async def rejecting(deliveries: Sequence[Delivery]) -> list[Door]:
        return [Reject("handler_failed", "a bug", "KeyError") for _ in deliveries]

    async with consuming(jetstream, rejecting):
        async with asyncio.timeout(PATIENCE):
            while not await count(jetstream, "DLQ"):  # noqa: ASYNC110  # the raw publish has no acknowledgement
                await asyncio.sleep(0.01)
    (letter,) = await letters(box)
    assert letter.reject == Reject("handler_failed", "a bug", "KeyError")
    assert letter.original.headers == {
        "Oo-Reason": "forged",
        "Oo-Original-Oo-Reason": "forged",
        "Nats-Expected-Stream": "SIGNALS",
        "NATS-TTL": "1s",
        "nats-rollup": "sub",
        "Status": "503",
        "Esc": "\x1b[2Jä\ufffd\x0b.",
    }
    assert letter.headers_dropped == 2

    assert (await box.replay(Selection(), progress)).replayed == 1
    replayed = await jetstream.get_msg("SIGNALS", 2)
    assert replayed.data == data
    message_id = (replayed.headers or {}).pop("Nats-Msg-Id")
    assert message_id.startswith("replay.SIGNALS.1.")
    assert set(replayed.headers or {}) == {"Oo-Reason", "Oo-Original-Oo-Reason", "Status", "Esc"}


async def test_what_is_largest_in_everything_still_fits(jetstream: JetStreamContext, box: DeadLetterBox) -> None:
    data = b"x" * (streams.MAX_EVENT_BYTES + streams.HEADER_BYTES)
    subject = "signals." + "\x01" * 4_000
    largest = delivery(data, subject=subject, headers={f"H{number}": "🦉" * 90 for number in range(100)})
    await bury(jetstream, "signals", largest, Reject("🦉" * 999, "🦉" * 9_999, "🦉" * 999))
    (letter,) = await letters(box)
    assert letter.original.data == data
    assert letter.original.subject == subject
    assert letter.reject == Reject("🦉" * 100, "🦉" * 1_000, "🦉" * 100)
    assert letter.headers_dropped == 100 - len(letter.original.headers)
    assert 0 < len(letter.original.headers) < 64
    assert set(letter.original.headers.values()) == {"🦉" * 90}, "a header is whole or not there"


async def test_what_the_server_would_not_take_is_not_sent(
    jetstream: JetStreamContext, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_client, "_max_payload", 5_000)
    await bury(jetstream, "signals", delivery(b"x" * 4_000), INVALID)
    with pytest.raises(MaxPayloadError):
        await bury(jetstream, "signals", delivery(b"x" * 4_900), INVALID)
    assert nats_client.is_connected


async def test_a_replay_of_what_this_release_reads_goes_back_and_the_rest_stays(
    jetstream: JetStreamContext, box: DeadLetterBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data in (V2, b"junk", envelope().to_json()):
        await jetstream.publish(SUBJECT, data, headers={"Nats-Msg-Id": f"id of {data[:9]!r}"})
    async with consuming(jetstream, Diary()):
        await all_left(jetstream)
    found = await letters(box)
    assert [letter.reject.reason for letter in found] == ["unknown_schema_version", "invalid_event"]

    dry = await box.replay(Selection(), progress, dry_run=True)
    assert (dry.replayed, set(dry.staying)) == (0, {"unknown_schema_version", "invalid_event"})

    monkeypatch.setitem(READERS, "v2", lambda data: Envelope.model_validate_json(data.replace(b'"v2"', b'"v1"')))
    outcome = await box.replay(Selection(), progress)
    assert outcome.replayed == 1
    assert outcome.staying["invalid_event"].sequences == [2]
    assert [letter.sequence for letter in await letters(box)] == [2]
    diary = Diary()
    async with consuming(jetstream, diary):
        await all_left(jetstream)
    assert [each.data for each in diary.deliveries] == [V2], "inside the dedupe window of the original's message id"


async def test_a_replay_that_was_interrupted_puts_one_message_back(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    await bury(jetstream, "signals", delivery(envelope().to_json()), INVALID)
    await bury(jetstream, "archive", delivery(envelope().to_json()), INVALID)
    first, _ = await letters(box)
    assert await box.publish_original(first) is None  # and then the process died
    assert len(await letters(box)) == 2
    assert (await box.replay(Selection(), progress)).replayed == 2
    assert await letters(box) == []
    assert await count(jetstream, "SIGNALS") == 1


async def test_a_letter_leaves_only_after_its_original_was_acknowledged(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    await bury(jetstream, "signals", delivery(envelope().to_json()), INVALID)
    await jetstream.delete_stream("SIGNALS")
    with pytest.raises(PublishFailed, match="did not acknowledge dead letter 1"):
        await box.replay(Selection(), progress)
    assert len(await letters(box)) == 1
    await streams.ensure(jetstream)
    config = (await jetstream.stream_info("SIGNALS")).config
    await jetstream.update_stream(config.evolve(max_msg_size=10))
    outcome = await box.replay(Selection(), progress)
    assert outcome.staying["refused"].sequences == [1]
    assert len(await letters(box)) == 1


async def test_originals_of_a_stream_that_was_made_again_are_told_apart(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    # As if the second came from a new stream, which counts from 1 again.
    await bury(jetstream, "signals", delivery(envelope(user_id="ada").to_json()), INVALID)
    await bury(jetstream, "archive", delivery(envelope(user_id="bo").to_json()), INVALID)
    assert (await box.replay(Selection(), progress)).replayed == 2
    assert await count(jetstream, "SIGNALS") == 2


@pytest.mark.parametrize(
    "forged",
    [
        {"Oo-Stream": "SIGNALS", "Oo-Subject": "$JS.API.STREAM.DELETE.SIGNALS"},
        {"Oo-Stream": "DLQ", "Oo-Subject": "dlq.signals"},
        {"Oo-Subject": SUBJECT},
        {},
    ],
)
async def test_a_forged_letter_publishes_nothing(
    jetstream: JetStreamContext, box: DeadLetterBox, forged: dict[str, str]
) -> None:
    await jetstream.publish("dlq.signals", envelope().to_json(), headers=forged)
    outcome = await box.replay(Selection(), progress)
    assert outcome.replayed == 0
    assert outcome.staying["no_original"].sequences == [1]
    assert await count(jetstream, "SIGNALS") == 0


async def test_an_event_that_every_sink_has_already_changes_no_total_when_it_is_replayed(
    jetstream: JetStreamContext, box: DeadLetterBox, tmp_path: Path
) -> None:
    store = NatsOnlineStore(await jetstream.key_value(streams.FEATURES_BUCKET), Random(1))  # noqa: S311
    offline = OfflineStore(tmp_path / "offline")
    engine = database.connect(f"sqlite:///{tmp_path / 'scores.db'}")
    catalog = catalogs.load([Path("catalog/tips.yaml")])
    applies = {"signals": folding(store), "archive": keeping(offline), "rewards": joining(engine, catalog)}
    now = datetime.now(UTC)

    async def consumed() -> None:
        for durable in DURABLES:
            if durable.stream in {"SIGNALS", "FEEDBACK", "DECISIONS"}:
                async with consuming(jetstream, events_only(applies[durable.consumer]), durable):
                    await all_left(jetstream, durable)

    async def totals() -> tuple[object, ...]:
        state = await store.get("example", "ada")
        assert state is not None
        with engine.connect() as connection:
            tables = [connection.execute(select(table)).all() for table in (tip_scores, tip_feedback)]
        archived = {row["event_id"]: row["payload"] for b in offline.scan(EVENT_TYPES) for row in b.to_pylist()}
        rates = list(queries.reward_rates(engine, "policy", now + timedelta(days=999)))
        return state.families, tables, archived, rates

    whole = EVENTS["score_decided"].model_copy(update={"degraded": ()})
    events = [envelope(kind, tenant_id="example") for kind in EVENT_TYPES]
    events[EVENT_TYPES.index("score_decided")] = envelope("score_decided", tenant_id="example", score_decided=whole)
    written = EVENTS["generate_decided"].model_copy(update={"decision_id": "another"})
    events[EVENT_TYPES.index("generate_decided")] = envelope(
        "generate_decided", tenant_id="example", generate_decided=written
    )
    for event in events:
        await publish(jetstream, event)
    await consumed()
    before = await totals()
    assert len(before[2]) == len(events)  # type: ignore[arg-type]
    assert before[3]

    for event in events:
        subject = SUBJECTS[event.event_type]
        stream = await jetstream.find_stream_name_by_subject(subject)
        original = await jetstream.get_last_msg(stream, subject)
        again = delivery(event.to_json(), original.seq or 0, subject=subject, stream=stream, headers=original.headers)
        await bury(jetstream, "archive", again, INVALID)
    assert (await box.replay(Selection(), progress)).replayed == len(events)
    assert await count(jetstream, "FEEDBACK") == 4, "they are there twice"
    await consumed()
    assert await count(jetstream, "DLQ") == 0
    assert await totals() == before
    engine.dispose()


async def test_the_list_names_each_letter_and_counts_reasons_without_a_word_of_the_payload(
    jetstream: JetStreamContext, oo: Run
) -> None:
    assert (await oo(["dlq", "list"])).output == "no dead letters\n"
    secret = envelope(user_id="private-person").to_json()
    await bury(jetstream, "signals", delivery(secret), Reject("invalid_event", "[red]not\x1b[2J\x07 markup[/red]"))
    await bury(jetstream, "archive", delivery(secret, 2, subject="signals.other"), Reject("wrong_subject", "e" * 200))
    shown = await oo(["dlq", "list"])
    assert shown.exit_code == 0
    assert "private-person" not in shown.output
    header, first, second, *totals = shown.output.splitlines()
    assert header.split() == [
        "sequence",
        "buried",
        "(UTC)",
        *["consumer", "reason", "subject", "original", "deliveries", "bytes", "error"],
    ]
    parts = re.split(r" {2,}", first.strip())
    assert parts[2:8] == ["signals", "invalid_event", SUBJECT, "SIGNALS:1", "3", str(len(secret))]
    assert parts[1].endswith("(just now)")
    assert parts[8] == "[red]not\\x1b[2J\\x07 markup[/red]"
    assert second.rstrip().endswith(f"{'e' * 59}…")
    assert totals == ["2 dead letters", "       1 archive: wrong_subject", "       1 signals: invalid_event"]


@pytest.mark.parametrize(
    ("wishes", "sequences"),
    [
        (["--consumer", "signals"], ["1", "3"]),
        (["--reason", "wrong_subject"], ["2"]),
        (["--subject", "signals.>"], ["1", "2"]),
        (["--subject", "feedback.tip_exposed"], ["3"]),
        (["--since", "1h"], ["1", "2", "3"]),
        (["--until", "2026-01-01"], []),
        (["--limit", "1"], ["3"]),
    ],
)
async def test_filters_choose_letters(
    jetstream: JetStreamContext, oo: Run, wishes: list[str], sequences: list[str]
) -> None:
    await bury(jetstream, "signals", delivery(), INVALID)
    await bury(jetstream, "archive", delivery(), Reject("wrong_subject", ""))
    await bury(jetstream, "signals", delivery(subject="feedback.tip_exposed", stream="FEEDBACK"), INVALID)
    shown = await oo(["dlq", "list", *wishes])
    assert shown.exit_code == 0
    assert re.findall(r"^(\d+)  ", shown.output, re.MULTILINE) == sequences
    assert ("no dead letters that these filters take" in shown.output) is (not sequences)


async def test_a_moment_that_is_none_is_refused(oo: Run) -> None:
    refused = await oo(["dlq", "list", "--since", "yesterday"])
    assert refused.exit_code == 2
    assert "'yesterday' is none" in refused.stderr


async def test_a_letter_is_shown_whole_and_its_bytes_come_out_exact(jetstream: JetStreamContext, oo: Run) -> None:
    await bury(jetstream, "signals", delivery(b"\x00\xff[bold]\r\n", headers={"Traceparent": "00-ab"}), INVALID)
    shown = await oo(["dlq", "show", "1"])
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert "exception        InvalidEvent" in lines
    assert "header Traceparent 00-ab" in lines
    assert "\\x00\\xff[bold]\\r\\n" in lines
    assert lines[-1].startswith("Replayed today it would stay, invalid_event: ")
    assert (await oo(["dlq", "show", "1", "--raw"])).stdout_bytes == b"\x00\xff[bold]\r\n"


async def test_replay_asks_and_a_dry_run_changes_nothing(jetstream: JetStreamContext, oo: Run) -> None:
    await bury(jetstream, "signals", delivery(envelope().to_json()), INVALID)
    await bury(jetstream, "signals", delivery(b"junk", 2), INVALID)
    dry = await oo(["dlq", "replay", "--dry-run"])
    assert dry.exit_code == 0
    assert dry.output.splitlines()[0] == "1 would be replayed"
    assert dry.output.splitlines()[1].startswith("1 would stay, invalid_event (2): ")
    refused = await oo(["dlq", "replay"], input="n\n")
    assert refused.exit_code == 1
    assert await count(jetstream, "SIGNALS") == 0
    done = await oo(["dlq", "replay"], input="y\n")
    assert done.exit_code == 0
    assert "\n1 replayed\n" in done.stdout
    assert (await jetstream.get_last_msg("SIGNALS", SUBJECT)).data == envelope().to_json()
    again = await oo(["dlq", "replay", "--yes"])
    assert (again.exit_code, again.output.splitlines()[0]) == (0, "0 replayed")


async def test_a_reward_whose_tenant_is_still_unknown_stays(jetstream: JetStreamContext, oo: Run) -> None:
    event = envelope("tip_exposed", tenant_id="nobody")
    subject = SUBJECTS["tip_exposed"]
    original = delivery(event.to_json(), subject=subject, stream="FEEDBACK")
    await bury(jetstream, "rewards", original, Reject("unknown_tenant", "nobody"))
    await bury(jetstream, "archive", original, Reject("max_deliveries", "the store was away"))
    done = await oo(["dlq", "replay", "--yes"])
    assert done.output.splitlines()[0] == "1 replayed"
    assert done.output.splitlines()[1].startswith("1 stay, unknown_tenant (1): ")


async def test_a_sequence_that_is_not_there_changes_nothing_and_exits_with_1(
    jetstream: JetStreamContext, oo: Run
) -> None:
    many = range(1, 41)  # more than are worked on at once
    for sequence in many:
        await bury(jetstream, "signals", delivery(envelope().to_json(), sequence), INVALID)
    for command in (["show"], ["replay", "--yes", *map(str, many)], ["drop", "--yes", *map(str, many)]):
        refused = await oo(["dlq", *command, "77"])
        assert refused.exit_code == 1
        assert "the dead letters hold no 77; `oo dlq list` shows those" in " ".join(refused.stderr.split())
    assert await count(jetstream, "DLQ") == len(many)
    assert await count(jetstream, "SIGNALS") == 0


async def test_nothing_but_all_drops_everything(jetstream: JetStreamContext, oo: Run) -> None:
    for sequence in (1, 2, 3):
        await bury(jetstream, "signals", delivery(sequence=sequence), INVALID)
    assert (await oo(["dlq", "drop", "--yes"])).exit_code == 2
    assert (await oo(["dlq", "drop", "--all"], input="n\n")).exit_code == 1
    assert (await oo(["dlq", "drop", "--all", "--dry-run"])).output == "3 would be dropped\n"
    assert await count(jetstream, "DLQ") == 3
    assert (await oo(["dlq", "drop", "2", "2", "--yes"])).output == "1 dropped\n"
    assert (await oo(["dlq", "drop", "--consumer", "archive", "--yes"])).output == "0 dropped\n"
    assert (await oo(["dlq", "drop", "--all", "--yes"])).output == "2 dropped\n"
    assert await count(jetstream, "DLQ") == 0


async def test_what_is_dropped_is_overwritten_on_disk(
    jetstream: JetStreamContext, box: DeadLetterBox, nats_server: NatsServer
) -> None:
    await bury(jetstream, "signals", delivery(b"a person's own words"), INVALID)
    await bury(jetstream, "signals", delivery(b"what stays", 2), INVALID)

    def on_disk(words: bytes) -> bool:
        return any(words in path.read_bytes() for path in nats_server.store_dir.rglob("*") if path.is_file())

    assert await box.drop(Selection(sequences=(1,)), progress) == 1
    nats_server.stop()  # what it had in memory is written now
    assert on_disk(b"what stays")
    assert not on_disk(b"a person's own words")
    nats_server.start()


async def test_a_letter_that_another_operator_dropped_meanwhile_is_no_error(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    await bury(jetstream, "signals", delivery(), INVALID)
    await box.delete(1)
    assert await letters(box) == []


async def test_what_comes_while_a_person_is_asked_is_left_alone(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    await bury(jetstream, "signals", delivery(), INVALID)
    through = await box.last()
    await bury(jetstream, "signals", delivery(sequence=2), INVALID)
    assert await box.drop(Selection(through=through), progress) == 1
    assert [letter.sequence for letter in await letters(box)] == [2]


async def test_thousands_are_replayed_in_little_memory_and_leave_no_consumer_behind(
    jetstream: JetStreamContext, box: DeadLetterBox
) -> None:
    many = 1_000
    padded = envelope().to_json() + b" " * 20_000
    for first in range(0, many, 200):
        company = range(first, first + 200)
        await asyncio.gather(*(bury(jetstream, "signals", delivery(padded, 1 + n), INVALID) for n in company))
    told: list[tuple[int, int]] = []
    tracemalloc.start()
    outcome = await box.replay(Selection(), lambda done, of: told.append((done, of)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.replayed == many
    assert told == [(done, many) for done in range(1, many + 1)]
    assert await count(jetstream, "SIGNALS") == many
    assert await count(jetstream, "DLQ") == 0
    assert peak < many * len(padded) / 4
    assert await jetstream.consumers_info("DLQ") == []


def test_progress_is_a_bar_on_a_terminal_and_nothing_in_a_log() -> None:
    terminal, log = StringIO(), StringIO()
    for file, is_terminal in ((terminal, True), (log, False)):
        with progress_bar(Console(file=file, force_terminal=is_terminal, width=80), "replaying") as tell:
            tell(1, 2)
            tell(2, 2)
    assert "replaying" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert log.getvalue().strip() == ""


async def test_a_server_that_is_away_is_one_sentence(oo: Run, nats_server: NatsServer) -> None:
    nats_server.stop()
    failed = await oo(["dlq", "list"])
    assert failed.exit_code == 1
    assert "no NATS server answered at 127.0.0.1" in failed.stderr
    assert "Traceback" not in failed.stderr
    nats_server.start()


async def test_a_server_without_the_stream_is_one_sentence(jetstream: JetStreamContext, oo: Run) -> None:
    await jetstream.delete_stream("DLQ")
    for command in (["list"], ["show", "1"], ["drop", "1", "--yes"], ["replay"]):
        failed = await oo(["dlq", *command])
        assert failed.exit_code == 1
        assert "has no stream DLQ; `oo bootstrap` makes it" in failed.stderr


class GuardedServer(NatsServer):
    """A server with a user who may look at dead letters and change none."""

    def start(self) -> None:
        may = '"$JS.API.STREAM.INFO.DLQ", "$JS.API.STREAM.MSG.GET.DLQ"'
        config = self.run_dir / "guarded.conf"
        config.write_text(
            f"""jetstream {{store_dir: "{self.store_dir}"}}, listen: "127.0.0.1:-1", ports_file_dir: "{self.run_dir}"
            authorization {{users: [
                {{user: admin, password: admin}},
                {{user: reader, password: reader, permissions: {{publish: [{may}], subscribe: "_INBOX.>"}}}}
            ]}}"""
        )
        self._process = subprocess.Popen(  # noqa: S603  # our own program, by its path
            [PROGRAM, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.port = self._opened_port(self._process)


async def test_a_permission_that_is_missing_is_named(tmp_path: Path, oo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "guarded").mkdir()
    server = GuardedServer(tmp_path / "guarded" / "jetstream", tmp_path / "guarded")
    server.start()
    try:
        admin = await connect(f"nats://admin:admin@127.0.0.1:{server.port}", "test")
        await streams.ensure(admin.jetstream())
        await bury(admin.jetstream(), "signals", delivery(), INVALID)
        monkeypatch.setenv("OO_NATS_URL", f"nats://reader:reader@127.0.0.1:{server.port}")
        assert "1 dead letter" in (await oo(["dlq", "list"])).output
        refused = await oo(["dlq", "drop", "1", "--yes"])
        assert refused.exit_code == 1
        told = " ".join(refused.stderr.split())
        assert "permissions violation for publish to" in told.lower()
        assert "may this user use the stream DLQ?" in told
        assert await count(admin.jetstream(), "DLQ") == 1
        await admin.close()
    finally:
        server.stop()
