from random import Random

import pytest

from oo.bus.backoff import full_jitter, growing


@pytest.mark.parametrize(("tries", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (10_000, 60)])
def test_a_wait_doubles_up_to_the_longest(tries: int, seconds: float) -> None:
    assert growing(tries) == seconds


def test_jitter_takes_any_wait_up_to_that() -> None:
    waits = [full_jitter(4, Random(seed)) for seed in range(1_000)]  # noqa: S311  # spreads retries
    assert 0 <= min(waits) < 0.1
    assert 7.9 < max(waits) <= 8
    assert 3.8 < sum(waits) / len(waits) < 4.2


def test_the_same_seed_gives_the_same_waits() -> None:
    assert full_jitter(3, Random(5)) == full_jitter(3, Random(5))  # noqa: S311  # spreads retries
