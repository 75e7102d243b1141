"""All that a run publishes, in its order, out of one seed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic.alias_generators import to_camel

from oo import catalog as catalogs
from oo.events.decision import ServingRole
from oo.events.subjects import SUBJECTS, shadow_subject
from tests.soak.decisions import story
from tests.soak.message import Message, event
from tests.soak.people import TENANTS, Told, somebody, users, written
from tests.soak.poisons import spoiled
from tests.soak.signals import signals

CATALOG = Path(__file__).parent / "catalog.yaml"
POISON = 0.01
DUPLICATES = 0.05
OUT_OF_ORDER = 0.05
JOINED = 0.2
"""How many of the events are decisions and feedback."""
FARTHEST = 5_000
"""How many places from its own an event comes, or comes again, at most."""
_FIRST, _LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"
_ODDLY_TIMED = 0.005
_ODDLY_HEADED = 0.002
_ODD_HEADERS = ({"Status": "503"}, {"Description": "No Messages", "Status": "404"}, {"Traceparent": "00-ab-cd-01"})


def population(seed: int, count: int) -> list[Message]:
    """`count` messages, of which 1 % are poison, 5 % come a second time and 5 % out of order."""
    rng = Random(seed)  # noqa: S311  # the same for the same seed
    poisons, duplicates = round(count * POISON), round(count * DUPLICATES)
    good = [message for _, message in sorted(_events(rng, count - poisons - duplicates), key=lambda each: each[0])]
    farthest = min(FARTHEST, len(good) // 4)
    placed: list[tuple[float, Message]] = []
    for place, message in enumerate(good):
        moved = rng.uniform(-farthest, farthest) if rng.random() < OUT_OF_ORDER else 0.0
        placed.append((place + moved, message))
    repeated = rng.sample(placed, duplicates)
    placed += [(at + rng.uniform(1, farthest), replace(message, role="duplicate")) for at, message in repeated]
    placed += [(rng.uniform(0, len(good)), spoiled(rng, good, number)) for number in range(poisons)]
    return [message for _, message in sorted(placed, key=lambda each: each[0])]


def _events(rng: Random, count: int) -> Iterator[tuple[datetime, Message]]:
    """Valid events with the moment at which each is published."""
    people = users()
    windows = {tenant.name: tenant.reward_window for tenant in catalogs.load([CATALOG]).tenants}
    joined = 0
    while joined < count * JOINED:
        tenant, user = rng.choice(TENANTS), somebody(rng, people)
        for told in story(rng, tenant, windows[tenant]):
            joined += 1
            yield _published(rng, told.at), _message(rng, tenant, user, told)
            if joined >= count * JOINED:
                break
    for told in signals(rng, count - joined):
        yield _published(rng, told.at), _message(rng, rng.choice(TENANTS), somebody(rng, people), told)


def _published(rng: Random, at: datetime) -> datetime:
    """Mostly at once; some devices are away for hours."""
    return at + timedelta(seconds=rng.expovariate(1 / 5), hours=rng.expovariate(1 / 8) if rng.random() < 0.1 else 0)


def _message(rng: Random, tenant: str, user: str, told: Told) -> Message:
    odd = rng.random() < _ODDLY_TIMED and told.event_id is None
    document = {
        "eventId": told.event_id or f"{told.kind} é'{rng.getrandbits(64):x}",
        "schemaVersion": "v1",
        "producer": "soak",
        "occurredAt": rng.choice((_FIRST, _LAST)) if odd else written(rng, told.at),
        "tenantId": tenant,
        "userId": user,
        to_camel(told.kind): told.body,
    }
    subject = SUBJECTS[told.kind]
    if told.body.get("servingRole") == ServingRole.SHADOW.value:
        subject = shadow_subject(subject)
    headers = rng.choice(_ODD_HEADERS) if rng.random() < _ODDLY_HEADED else None
    return event(subject, _bytes(rng, document), headers)


def _bytes(rng: Random, document: dict[str, Any]) -> bytes:
    """As one producer or the other writes JSON: what is kept has to be what was sent, to the byte."""
    match rng.randrange(10):
        case 0:
            return json.dumps(document, indent=2, ensure_ascii=False).encode()
        case 1:
            return json.dumps(dict(reversed(document.items())) | {"fromTheNext": {"minor": ["version"]}}).encode()
        case _:
            return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
