import pytest
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.experiments.sample_ratio import sample_ratio_p_value


@pytest.mark.parametrize(
    ("observed", "shares"),
    [
        ([5_080, 4_920], [0.5, 0.5]),
        ([5_200, 4_800], [0.5, 0.5]),
        ([90, 10], [0.9, 0.1]),
        ([330, 340, 350], [1 / 3, 1 / 3, 1 / 3]),
        ([700, 205, 95], [0.7, 0.2, 0.1]),
        ([10, 12, 9, 11], [0.25, 0.25, 0.25, 0.25]),
        ([10, 12, 9, 20, 11], [0.2, 0.2, 0.2, 0.2, 0.2]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1 / 9] * 9),
        ([0, 1_000], [0.5, 0.5]),
    ],
)
def test_it_agrees_with_scipy(observed: list[int], shares: list[float]) -> None:
    names = [f"variant-{number}" for number in range(len(shares))]
    expected = stats.chisquare(observed, [sum(observed) * share for share in shares]).pvalue
    p_value = sample_ratio_p_value(dict(zip(names, observed, strict=True)), dict(zip(names, shares, strict=True)))
    assert p_value == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("variants", ["ab", "abc", "abcd", "abcde"])
def test_a_perfect_split_has_a_p_value_of_one(variants: str) -> None:
    plan = dict.fromkeys(variants, 1 / len(variants))
    assert sample_ratio_p_value(dict.fromkeys(variants, 60), plan) == pytest.approx(1, abs=1e-12)


def test_a_variant_that_nobody_saw_counts_as_nobody() -> None:
    shares = {"a": 0.5, "b": 0.5}
    assert sample_ratio_p_value({"a": 40}, shares) == sample_ratio_p_value({"a": 40, "b": 0}, shares) < 1e-9


def test_a_variant_outside_of_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="outside of the plan: c"):
        sample_ratio_p_value({"a": 50, "b": 50, "c": 1}, {"a": 0.5, "b": 0.5})


def test_an_experiment_that_nobody_saw_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody was seen"):
        sample_ratio_p_value({}, {"a": 0.5, "b": 0.5})
