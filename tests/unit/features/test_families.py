from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oo.features.families import FAMILIES, FAMILY_OF
from oo.features.feature import Family
from tests.unit.features.signal_events import NOON, any_signal, folded, seeded

every_family = pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])


@every_family
@settings(deadline=None)  # a busy machine is slow, not wrong
@given(seed=st.integers(0, 2**32), size=st.integers(0, 60), random=st.randoms(use_true_random=False))
def test_any_order_with_any_repeats_gives_the_same_facts(family: Family, seed: int, size: int, random: Random) -> None:
    source = seeded(seed)
    events = [any_signal(source) for _ in range(size)]
    again = events + random.choices(events, k=size // 2) if events else []
    random.shuffle(again)
    assert folded(family, *again) == folded(family, *events)


@every_family
def test_a_flood_is_kept_small_and_its_order_still_does_not_matter(family: Family) -> None:
    random = seeded(20261120)
    events = [any_signal(random) for _ in range(1000)]
    again = random.sample(events * 2, k=2000)
    facts = folded(family, *again)
    assert facts == folded(family, *events)
    assert 0 < len(facts) <= 100


@every_family
def test_a_family_gives_the_features_that_it_names(family: Family) -> None:
    random = seeded(7)
    facts = folded(family, *(any_signal(random) for _ in range(40)))
    assert tuple(family.values(facts, NOON)) == family.feature_names


def test_no_name_is_taken_twice() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert len(FAMILY_OF) == sum(len(family.feature_names) for family in FAMILIES)
