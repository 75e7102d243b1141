"""Whether one of two treatments of the same cases is worse."""

from math import comb


def sign_test_p_value(worse: int, better: int) -> float:
    """The probability of at least so many cases that became worse, were worse and better equally likely.

    One-sided, and exact for any number of cases. Cases that came out alike say nothing and are not counted: what is
    hard for both treatments cannot hide that one of them is worse.

    Args:
        worse: cases with the worse outcome under the second treatment.
        better: cases with the better outcome under it.

    Raises:
        ValueError: a count is below 0.

    Source: McNemar, *Note on the sampling error of the difference between correlated proportions or percentages*,
    Psychometrika 12, 1947; the exact form of his test is the sign test.

    >>> sign_test_p_value(worse=7, better=0)
    0.0078125
    >>> sign_test_p_value(worse=0, better=7)
    1.0
    """
    if worse < 0 or better < 0:
        raise ValueError(f"{worse} worse and {better} better; count cases")
    n = worse + better
    tail = sum(comb(n, k) for k in range(worse, n + 1))
    return float(tail / 2**n)
