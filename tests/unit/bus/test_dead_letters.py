from dataclasses import replace
from datetime import UTC, datetime

import pytest
from nats.js.api import RawStreamMsg

from oo.bus.dead_letter_box import Replay, Selection
from oo.bus.dead_letters import Letter
from oo.bus.delivery import Reject
from oo.printing import LetterList, letter_lines, readable, replay_lines

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADERS = {
    "Oo-Reason": "invalid_event",
    "Oo-Error": "userId: Field required",
    "Oo-Subject": "signals.session_started",
    "Oo-Stream": "SIGNALS",
    "Oo-Sequence": "17",
    "Oo-Delivered": "2",
}


def letter(headers: dict[str, str] = HEADERS, data: bytes | None = b"{}", sequence: int = 3) -> Letter:
    message = RawStreamMsg(subject="dlq.signals", seq=sequence, data=data, headers=headers, time=NOON)
    return Letter.of(message)


def test_a_letter_that_another_program_wrote_is_read_as_far_as_it_goes() -> None:
    read = letter({"Oo-Sequence": "-1", "Oo-Published-At": "yesterday", "Oo-Error": "C:\\x \\ud800"}, data=None)
    assert read.identity == ("signals", "", 0)
    assert read.original.data == b""
    assert read.original.published_at == NOON
    assert read.reject == Reject("", "C:\\x ?")
    assert read.schema_version is None


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(consumer="signals", reason="invalid_event", subject="signals.session_started"), True),
        (Selection(consumer="archive"), False),
        (Selection(reason="wrong_subject"), False),
        (Selection(subject="signals.>"), True),
        (Selection(subject="signals"), False),
        (Selection(subject="signal.>"), False),
        (Selection(since=NOON), True),
        (Selection(since=NOON.replace(hour=13)), False),
        (Selection(until=NOON), False),
        (Selection(until=NOON.replace(hour=13)), True),
    ],
)
def test_a_selection_takes_what_meets_every_wish(selection: Selection, *, taken: bool) -> None:
    assert selection.takes(letter()) is taken


def test_only_a_selection_without_a_wish_is_everything() -> None:
    assert Selection(through=9).is_everything
    assert not Selection(sequences=(1,)).is_everything
    assert not Selection(reason="invalid_event").is_everything


def test_the_list_keeps_the_newest_lines_and_counts_all_messages_once() -> None:
    shown = LetterList(NOON.replace(hour=15), limit=2)
    for sequence in (3, 4, 5):
        shown.add(letter(sequence=sequence))
    assert list(shown.table.columns[0].cells) == ["4", "5"]
    assert next(iter(shown.table.columns[1].cells)) == "2026-11-22 12:00 (3 h ago)"
    assert shown.totals == [
        "3 dead letters, the newest 2 are shown; some messages were buried again: there are 1",
        "       3 signals: invalid_event",
    ]


def test_text_of_unknown_origin_cannot_steer_a_terminal() -> None:
    assert readable("\x1b[2J\r\n\u202eschön") == "\\x1b[2J\\r\\n\\u202eschön"


def test_a_letter_is_shown_with_its_json_laid_out_and_what_a_replay_would_do() -> None:
    data = '{"userId": "änne", "note": "\\u001b[2J"}'.encode()
    lines = list(letter_lines(letter(data=data), None))
    assert '  "userId": "änne",' in lines
    assert lines[-1].startswith("Replayed today it would be read: every consumer of signals.session_started")
    stays = list(letter_lines(letter(data=data), Reject("invalid_event", "still \x07 wrong")))
    assert stays[-1] == "Replayed today it would stay, invalid_event: still \\x07 wrong"


@pytest.mark.parametrize("data", [b"\x00\xff junk", b"[" * 5_000, b"NaN junk", b"1" * 5_000])
def test_what_is_no_json_is_shown_escaped(data: bytes) -> None:
    lines = list(letter_lines(letter(data=data), None))
    assert all(line.isprintable() for line in lines)
    assert readable(data.decode(errors="backslashreplace")) in lines


def test_a_large_payload_is_cut_and_says_so() -> None:
    lines = list(letter_lines(letter(data=b"[" + b"1," * 499_999 + b"1]"), None))
    assert "and 980001 bytes more; --raw writes all" in lines
    assert sum(map(len, lines)) < 30_000


def test_what_stays_is_told_once_a_reason() -> None:
    outcome = Replay()
    outcome.count(letter(), None)
    for sequence in range(1, 8):
        outcome.count(replace(letter(), sequence=sequence), Reject("invalid_event", "userId: Field required"))
    assert list(replay_lines(outcome, dry_run=True)) == [
        "1 would be replayed",
        "7 would stay, invalid_event (1, 2, 3, 4, 5, …): userId: Field required",
    ]
