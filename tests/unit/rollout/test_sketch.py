import math
import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oo.rollout.sketch import Sketch


def sketched(seconds: list[float]) -> Sketch:
    sketch = Sketch()
    for each in seconds:
        sketch.add(each)
    return sketch


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200), st.sampled_from([0.05, 0.5, 0.95]))
def test_a_quantile_is_within_a_hundredth_of_the_exact_one(seconds: list[float], q: float) -> None:
    exact = np.quantile(seconds, q, method="inverted_cdf")
    assert abs(sketched(seconds).quantile(q) / exact - 1) <= 0.0101


def test_the_interval_holds_the_true_quantile_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        low, high = sketched(list(rng.exponential(size=300))).interval(0.95, 0.95)
        held += low <= -math.log(0.05) <= high
    assert 0.92 <= held / 400 <= 0.99


def test_too_few_times_bound_nothing() -> None:
    assert sketched([0.1, 0.2]).interval(0.5, 0.99) == (0.0, math.inf)
    assert sketched([0.1] * 100).interval(0.95, 0.99).high == math.inf
    assert math.isnan(Sketch().quantile(0.5))


def test_its_memory_does_not_grow_with_the_times() -> None:
    rng = np.random.default_rng(0)
    few, many = (sketched(list(rng.lognormal(-6, 1, n))) for n in (1_000, 50_000))
    assert len(pickle.dumps(many)) < 2 * len(pickle.dumps(few))
