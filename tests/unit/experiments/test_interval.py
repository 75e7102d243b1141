import pytest
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.experiments.interval import wilson


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 20), (3, 20), (20, 20), (46, 10_000)])
def test_it_agrees_with_scipy(successes: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert wilson(successes, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_tried_is_nothing_known() -> None:
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 10_000])
def test_it_stays_inside_of_rates(n: int) -> None:
    assert wilson(0, n).low >= 0
    assert wilson(n, n).high <= 1


@pytest.mark.parametrize(("successes", "n"), [(2, 1), (-1, 5), (float("nan"), 5), (0, -1)])
def test_impossible_counts_are_refused(successes: float, n: int) -> None:
    with pytest.raises(ValueError, match="count each trial once"):
        wilson(successes, n)
