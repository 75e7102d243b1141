from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats  # type: ignore[import-untyped]  # scipy ships no types

from oo.experiments.assignment import Experiment, Variant, assign
from oo.experiments.draw import draw
from oo.experiments.sample_ratio import sample_ratio_p_value
from oo.experiments.uniform import Uniform

HALVES = {"a": 0.5, "b": 0.5}


def experiment(shares: Mapping[str, float], name: str = "greeting") -> Experiment[Variant]:
    policy = Uniform(version="1")
    variants = tuple(Variant(name=side, share=share, policy=policy) for side, share in shares.items())
    return Experiment[Variant](name=name, variants=variants)


def people(n: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(n)]


def test_a_person_stays_on_their_side() -> None:
    split = experiment({"control": 0.5, "treatment": 0.5})
    sides = [assign(split, "example", user).name for user in people(100)]
    assert sides == [assign(split, "example", user).name for user in people(100)]
    assert set(sides) == {"control", "treatment"}


def test_people_split_as_planned() -> None:
    shares = {"control": 0.7, "treatment": 0.2, "bold": 0.1}
    split = experiment(shares)
    observed = Counter(assign(split, "example", user).name for user in people(20_000))
    assert sample_ratio_p_value(observed, shares) > 0.001


@pytest.mark.parametrize(("name", "tenant"), [("farewell", "example"), ("greeting", "another")])
def test_another_experiment_or_tenant_splits_the_same_people_independently(name: str, tenant: str) -> None:
    one, other = experiment(HALVES), experiment(HALVES, name)
    both = Counter((assign(one, "example", user).name, assign(other, tenant, user).name) for user in people(10_000))
    table = [[both[x, y] for y in "ab"] for x in "ab"]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_the_side_says_nothing_about_the_draw() -> None:
    split = experiment(HALVES)
    arms = ["walk", "nap"]
    both = Counter(
        (assign(split, "example", user).name, draw(UUID(user), arms, np.array([0.5, 0.5]))) for user in people(10_000)
    )
    table = [[both[x, y] for y in (0, 1)] for x in "ab"]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_rounding_of_the_shares_leaves_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oo.experiments.assignment.chance", lambda *_: 1 - 2**-53)
    split = experiment({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3 - 1e-10})
    assert assign(split, "example", "u1").name == "c"


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.6}])
def test_shares_that_do_not_sum_to_one_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"shares of experiment 'greeting' sum to .*; give its variants shares"):
        experiment(shares)


def test_a_variant_twice_is_refused() -> None:
    side = Variant(name="a", share=0.5, policy=Uniform(version="1"))
    with pytest.raises(ValidationError, match="declares a variant twice: a"):
        Experiment[Variant](name="greeting", variants=(side, side))


def test_one_variant_is_no_experiment() -> None:
    with pytest.raises(ValidationError, match="at least 2"):
        experiment({"a": 1.0})
