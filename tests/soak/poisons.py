"""Ways in which a message can be no event that its readers take."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from oo.bus.routing import INVALID_EVENT, UNKNOWN_SCHEMA_VERSION, WRONG_SUBJECT
from oo.events.codec import decode
from oo.events.subjects import SUBJECTS
from tests.soak.message import Message, poison

JUNK_BYTES = 100_000


def spoiled(rng: Random, good: Sequence[Message], number: int) -> Message:
    """One of the ways after the other, each tried on any of the good messages."""
    return _WAYS[number % len(_WAYS)](rng, rng.choice(good))


def _cut_off(rng: Random, good: Message) -> Message:
    return poison(good.subject, good.data[: rng.randrange(1, len(good.data) - 1)], INVALID_EVENT)


def _not_utf8(_: Random, good: Message) -> Message:
    return poison(good.subject, _bytes(_document(good)).replace(b"soak", b"\xff\xfe", 1), INVALID_EVENT)


def _of_the_future(rng: Random, good: Message) -> Message:
    document = _document(good) | {"schemaVersion": rng.choice(("v2", "v10", "V1")), "unheardOf": {"deep": [1, 2]}}
    return poison(good.subject, _bytes(document), UNKNOWN_SCHEMA_VERSION)


def _elsewhere(rng: Random, good: Message) -> Message:
    where = rng.choice([subject for subject in (*SUBJECTS.values(), "signals.unheard_of") if subject != good.subject])
    return poison(where, good.data, WRONG_SUBJECT)


def _of_a_stranger(rng: Random, _: Message) -> Message:
    """Only the reward join asks who the tenant is: the window of its reactions is not known."""
    about = {"decisionId": f"stranger-{rng.getrandbits(64)}", "tipId": "walk"}
    document = {
        "eventId": f"stranger-{rng.getrandbits(64)}",
        "schemaVersion": "v1",
        "producer": "soak",
        "occurredAt": "2026-03-04T05:06:07Z",
        "tenantId": "nobody knows",
        "userId": "ada",
        "tipExposed": about,
    }
    data = _bytes(document)
    return Message(SUBJECTS["tip_exposed"], data, decode(data), {"rewards": "unknown_tenant"}, role="poison")


def _empty(_: Random, good: Message) -> Message:
    return poison(good.subject, b"", INVALID_EVENT)


def _against_the_contract(rng: Random, good: Message) -> Message:
    wrong: tuple[dict[str, Any], ...] = (
        {"userId": ""},
        {"userId": "x" * 257},
        {"userId": "nul\0l"},
        {"tenantId": None},
        {"eventId": 7},
        {"occurredAt": "2026-02-30T00:00:00Z"},
        {"occurredAt": "2026-03-01T00:00:00"},
        {"tipExposed": {"decisionId": "1", "tipId": ""}, "sleepRecorded": {"asleep": "1s"}},
        {"sleepRecorded": {"asleep": "-1s"}},
        {"tipReacted": {"decisionId": "1", "tipId": "1", "kind": "REACTION_KIND_UNSPECIFIED"}},
    )
    return poison(good.subject, _bytes(_document(good) | rng.choice(wrong)), INVALID_EVENT)


def _junk(rng: Random, good: Message) -> Message:
    junk: tuple[Any, ...] = (
        {"junk": "\N{PILE OF POO}" * (JUNK_BYTES // 12)},
        [[number] for number in range(JUNK_BYTES // 7)],
        _document(good) | {"userId": ["x" * JUNK_BYTES]},
    )
    return poison(good.subject, _bytes(rng.choice(junk)), INVALID_EVENT)


def _bottomless(_: Random, good: Message) -> Message:
    return poison(good.subject, b"[" * JUNK_BYTES, INVALID_EVENT)


_WAYS: tuple[Callable[[Random, Message], Message], ...] = (
    _cut_off,
    _not_utf8,
    _of_the_future,
    _elsewhere,
    _of_a_stranger,
    _empty,
    _against_the_contract,
    _junk,
    _bottomless,
)


def _document(good: Message) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(good.data)
    return document


def _bytes(document: object) -> bytes:
    return json.dumps(document).encode()
