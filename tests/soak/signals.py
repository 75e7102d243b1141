"""Signals of people and of what they have connected."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from oo.events.envelope import EventType
from tests.soak.people import BEGIN, SPAN, Told


def signals(rng: Random, count: int) -> Iterator[Told]:
    for _ in range(count):
        yield Told(BEGIN + SPAN * rng.random(), *_said(rng))


def _said(rng: Random) -> tuple[EventType, dict[str, Any]]:
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            return "session_started", {"surface": rng.choice(["ios", "android", "web", ""])}
        case 4 | 5 | 6:
            untimed: dict[str, Any] = {"activity": rng.choice(["walk", "Yoga\u0000", "laufen", "💤"])}
            return "activity_completed", untimed | ({"duration": _seconds(rng, 2)} if rng.random() < 0.8 else {})
        case 7 | 8:
            return "calendar_day_summarized", {"busy": _seconds(rng, 9), "meetings": rng.randrange(12)}
        case _:
            return "sleep_recorded", {"asleep": _seconds(rng, 10)}


def _seconds(rng: Random, hours: float) -> str:
    return f"{rng.uniform(0, timedelta(hours=hours).total_seconds()):.3f}s"
