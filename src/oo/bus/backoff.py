"""How long to wait before another try."""

from random import Random

LONGEST = 60.0


def growing(tries: int, *, first: float = 1.0, longest: float = LONGEST) -> float:
    """The longest wait after so many tries: `first` after one, twice as long after each other, `longest` at last."""
    return min(first * 2.0 ** min(tries - 1, 30), longest)


def full_jitter(tries: int, jitter: Random, *, first: float = 1.0, longest: float = LONGEST) -> float:
    """A wait of any length up to `growing`, so that what failed together does not come back together."""
    return jitter.uniform(0, growing(tries, first=first, longest=longest))
