import numpy as np
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.experiments.chance import chance


def test_the_number_is_the_same_for_ever() -> None:
    # Written down once: another value would move people between variants and break the replay of every logged decision.
    assert chance("assignment", "greeting", "example", "u1") == 0.019631574389297635


def test_the_numbers_are_uniform_over_keys() -> None:
    assert stats.kstest([chance("draw", str(key)) for key in range(10_000)], "uniform").pvalue > 0.001


def test_purposes_share_no_information() -> None:
    one, other = ([chance(purpose, str(key)) for key in range(10_000)] for purpose in ("draw", "assignment"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.04


def test_keys_are_not_glued_together() -> None:
    assert chance("draw", "ab", "c") != chance("draw", "a", "bc")
    assert chance("draw", 'a","b') != chance("draw", "a", "b")
