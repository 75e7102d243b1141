"""What is done to the system, and how far into the run: out of the seed."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from oo.events.subjects import ConsumerName
from tests.soak.fleet import CONSUMERS, REPLICAS

_LATEST = 0.8
"""So that there is still work at the last blow."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What is done to a replica once its consumer has come so far."""

    kind: Literal["kill", "freeze"]
    """SIGKILL, and another is started; or it stands still until what it had in hand was given to the others."""
    at: float
    """The share of all messages that its consumer reads."""
    consumer: ConsumerName
    replicas: tuple[str, ...]
    """The first of them that has work in hand is struck."""


@dataclass(frozen=True, slots=True)
class Mischief:
    blows: tuple[Blow, ...]
    server_at: float
    """The share of the messages at whose publishing the server is killed and started again."""


def mischief(seed: int, kills: int) -> Mischief:
    """Of each consumer one replica is frozen once, and one of the others killed in each of so many parts of the run."""
    rng = Random(f"mischief {seed}")  # noqa: S311  # the same for the same seed
    blows: list[Blow] = []
    for consumer in CONSUMERS:
        frozen, *others = rng.sample([f"{consumer}-{of}" for of in range(1, REPLICAS + 1)], REPLICAS)
        blows.append(Blow("freeze", rng.uniform(0.05, 0.5), consumer, (frozen,)))
        for part in range(kills):
            at = _LATEST * (part + rng.uniform(0.1, 0.9)) / kills
            blows.append(Blow("kill", at, consumer, tuple(rng.sample(others, len(others)))))
    return Mischief(tuple(blows), rng.uniform(0.25, 0.75))
