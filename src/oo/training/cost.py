"""What a training took. It differs from run to run, so it stays out of all that is hashed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Cost:
    """Time and memory of one training."""

    seconds: Mapping[str, float]
    """By stage, in their order."""
    peak_mib: float
    """The most memory that the process had."""


class Stages:
    """A stopwatch with a name for each stage.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}
        """What each stage took, in their order."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time what happens inside as this stage."""
        begun = self._clock()
        yield
        self.seconds[stage] = self._clock() - begun
