"""Decisions, and what became of them: told twice, too early, too late, in contradiction, or by nobody."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from oo.decisions.identity import event_id
from oo.events.decision import ServingRole
from oo.events.envelope import EventType
from tests.soak.people import BEGIN, SPAN, Told

TIPS = ("breathe", "walk", "call a friend", "früh ins bett", "100%", "tip'; --", "water", "🧘")
_KINDS = ("REACTION_KIND_CLICKED", "REACTION_KIND_COMPLETED", "REACTION_KIND_SAVED", "REACTION_KIND_DISMISSED")


def story(rng: Random, tenant: str, window: timedelta) -> Iterator[Told]:
    """One decision with all that is ever told of it, by event time or not."""
    at = BEGIN + SPAN * rng.random()
    decision = UUID(int=rng.getrandbits(128), version=4)
    tip = rng.choice(TIPS)
    fate = rng.random()
    if fate < 0.95:
        yield from _records(rng, at, tenant, decision, tip)
    # else it is never recorded, and its feedback waits for ever
    if fate < 0.12:
        return  # nobody was shown anything
    shown_at = at + timedelta(seconds=rng.expovariate(1 / 60))
    about = {"decisionId": str(decision), "tipId": tip}
    if rng.random() < 0.92:
        for _ in range(rng.choice((1, 1, 1, 2))):
            yield Told(shown_at + timedelta(seconds=rng.randrange(600)), "tip_exposed", about)
    if rng.random() < 0.05:
        yield Told(shown_at - timedelta(minutes=5), "tip_exposed", about | {"tipId": rng.choice(TIPS)})
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        yield Told(_reacted_at(rng, shown_at, window), "tip_reacted", about | {"kind": rng.choice(_KINDS)})


def _reacted_at(rng: Random, shown_at: datetime, window: timedelta) -> datetime:
    match rng.randrange(10):
        case 0 | 1:
            return shown_at + window * rng.uniform(1, 3)  # too late, or just not
        case 2:
            return shown_at - timedelta(seconds=rng.uniform(0, 300))  # the clocks differ
        case 3:
            return shown_at.replace(microsecond=0)  # at the same moment as others
        case _:
            return shown_at + window * rng.random() ** 2


def _records(rng: Random, at: datetime, tenant: str, decision: UUID, tip: str) -> Iterator[Told]:
    role = rng.choice((ServingRole.STABLE, ServingRole.STABLE, ServingRole.STABLE, ServingRole.CANARY))
    (kind,) = rng.choices(list(_RECORDS), (4, 1))
    record = _RECORDS[kind]
    served, shadowed = (event_id(decision, tenant, each) for each in (role, ServingRole.SHADOW))
    yield Told(at, kind, record(rng, decision, role, tip), served)
    if rng.random() < 0.15:
        yield Told(at, kind, record(rng, decision, ServingRole.SHADOW, rng.choice(TIPS)), shadowed)
    again = rng.random()
    if again < 0.05:  # asked again, after the bus had forgotten the first answer
        later = at + timedelta(minutes=rng.uniform(0.1, 90))
        yield Told(later, kind, record(rng, decision, role, rng.choice(TIPS)), served)
    elif again < 0.07:  # two services that answered in one moment, of which one names its record otherwise
        other = _scored(rng, decision, ServingRole.STABLE, rng.choice(TIPS))
        yield Told(at, "score_decided", other, f"other/{decision}")


def _common(rng: Random, decision: UUID, role: ServingRole, tip: str) -> dict[str, Any]:
    return {
        "decisionId": str(decision),
        "servingRole": role.value,
        "tipId": tip,
        "profileFeatures": {"completion_rate": rng.random(), "city": "Zürich", "nothing": None},
        "degraded": rng.choice(([], [], [], ["no_signal_features"], ["no_signal_features", "no_model"])),
        "latency": f"0.{rng.randrange(10**9):09d}s",
    }


def _scored(rng: Random, decision: UUID, role: ServingRole, tip: str) -> dict[str, Any]:
    probability = rng.random() or 1.0
    model = {"name": "tips", "version": rng.choice(("1", "2", "")), "digest": "ab" * 32}
    return _common(rng, decision, role, tip) | {
        "candidates": [{"tipId": name, "features": {"minutes": rng.randrange(20)}} for name in TIPS],
        "ranking": [{"tipId": name, "score": rng.gauss(0, 1), "probability": rng.random()} for name in TIPS],
        "propensity": probability,
        "policy": {"name": rng.choice(("thompson", "epsilon_greedy")), "version": rng.choice("12")},
        "signalSequence": str(rng.getrandbits(60)),
        "featureService": "tips@1",
        **({"model": model} if rng.random() < 0.9 else {}),
        **({"experiment": {"name": "first", "variant": rng.choice("ab")}} if rng.random() < 0.5 else {}),
    }


def _generated(rng: Random, decision: UUID, role: ServingRole, tip: str) -> dict[str, Any]:
    return _common(rng, decision, role, tip) | {
        "promptVersion": rng.choice(("v1", "v2")),
        "promptHash": "cd" * 32,
        "title": "Früh ins Bett",
        "body": "Put the phone away at ten.\n\n" * 4,
        "model": {"name": "a-language-model"},
        "promptTokens": rng.randrange(4000),
        "costUsd": rng.random() / 100,
    }


_RECORDS: dict[EventType, Callable[[Random, UUID, ServingRole, str], dict[str, Any]]] = {
    "score_decided": _scored,
    "generate_decided": _generated,
}
