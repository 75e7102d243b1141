import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oo.errors import InvalidPolicyState
from oo.experiments.policy_state import ArmStats, dump, parse

exposed = st.integers(min_value=0, max_value=2**53)
arm_stats = exposed.flatmap(
    lambda exposures: st.builds(ArmStats, st.just(exposures), st.floats(min_value=0, max_value=exposures))
)


@given(st.dictionaries(st.text(), arm_stats))
def test_what_is_dumped_is_parsed_to_the_bit_from_bytes_and_from_a_struct(state: dict[str, ArmStats]) -> None:
    struct = dump(state)
    assert parse(struct) == state
    assert parse(json.dumps(struct).encode()) == state


def test_the_form_is_a_pair_a_tip() -> None:
    assert dump({"walk": ArmStats(5, 2.0)}) == {"walk": [5, 2.0]}


def test_a_struct_whose_numbers_are_all_doubles_is_read() -> None:
    assert parse(b'{"walk": [5.0, 2]}') == {"walk": ArmStats(5, 2.0)}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (b"not json", "document"),
        (b"[]", "document"),
        (b'{"walk": 5}', "walk"),
        (b'{"walk": [5]}', "walk"),
        (b'{"walk": [5, 2, 1]}', "walk"),
        (b'{"walk": [-1, 0]}', "walk"),
        (b'{"walk": [1.5, 0]}', "walk"),
        (b'{"walk": [5, -1]}', "walk"),
        (b'{"walk": [5, NaN]}', "walk"),
        (b'{"walk": [5, 6]}', "walk"),
    ],
)
def test_another_form_is_refused_and_says_where(document: bytes, where: str) -> None:
    with pytest.raises(InvalidPolicyState, match=where):
        parse(document)
