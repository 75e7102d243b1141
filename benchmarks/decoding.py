"""What reading an event costs: decoded and validated, beside the standard library's parser alone."""

import json
import timeit
from collections.abc import Callable

_CALLS = 2_000
_ROUNDS = 15


def signal_event() -> bytes:
    """A signal event of 1 kB: what the contract has, and what a later release of a producer might add."""
    event = {
        "eventId": "0197f3c4-9d20-7c55-8a57-0d6a3f1b2c3d",
        "schemaVersion": "v1",
        "producer": "oo-mobile",
        "occurredAt": "2026-11-20T07:30:15.123456Z",
        "tenantId": "example",
        "userId": "0197f3c4-1111-7c55-8a57-0d6a3f1b2c3d",
        "activityCompleted": {"activity": "walk", "duration": "1860.250s"},
        "device": {"model": "phone", "os": "17.5.1", "locale": "de-AT", "timeZone": "Europe/Vienna"},
        "laps": [{"distanceMetres": 400 + lap, "pace": 5.25 + lap / 8, "surface": "gravel"} for lap in range(12)],
    }
    return json.dumps(event, separators=(",", ":")).encode()


def microseconds(read: Callable[[bytes], object], data: bytes) -> float:
    """The time of one call: the best of several rounds, which is the one that was disturbed least."""
    return min(timeit.repeat(lambda: read(data), number=_CALLS, repeat=_ROUNDS)) / _CALLS * 1e6
