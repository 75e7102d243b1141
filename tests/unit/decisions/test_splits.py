import json
from collections import Counter
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from oo.decisions.splits import Split, Splits, is_canarys, split_key
from oo.registry.history import Subject

POLICY, PROMPT = Subject(kind="policy", name="example"), Subject(kind="prompt", name="example")
QUARTER = Split(POLICY, "uniform@1", "uniform@2", percent=25)
IDS = [str(UUID(int=number)) for number in range(4_000)]


def written(split: Split) -> bytes:
    return TypeAdapter(Split).dump_json(split)


def test_a_canary_gets_its_share_and_a_decision_always_the_same() -> None:
    shares = Counter(QUARTER.version_for(decision) for decision in IDS)
    # 1,000 expected; four standard deviations are 110.
    assert 890 < shares["uniform@2"] < 1_110
    assert [QUARTER.version_for(decision) for decision in IDS] == [QUARTER.version_for(decision) for decision in IDS]


def test_a_larger_share_keeps_those_who_were_in_the_smaller_one() -> None:
    half = Split(POLICY, "uniform@1", "uniform@2", percent=50)
    assert all(half.version_for(decision) == "uniform@2" for decision in IDS if is_canarys("policy", decision, 25))


def test_the_canaries_of_a_policy_and_of_a_prompt_are_drawn_apart() -> None:
    both = sum(is_canarys("policy", one, 25) and is_canarys("prompt", one, 25) for one in IDS)
    # 250 expected, 1,000 were they drawn alike.
    assert 190 < both < 310


@pytest.mark.parametrize("split", [Split(POLICY, "uniform@1", "uniform@2", mirror=True), Split(POLICY, "uniform@1")])
def test_without_a_percent_all_is_stables(split: Split) -> None:
    assert {split.version_for(decision) for decision in IDS} == {"uniform@1"}


def test_what_the_bucket_holds_is_taken_over_and_what_cannot_be_read_is_not() -> None:
    splits = Splits()
    splits.put(split_key(POLICY), written(QUARTER))
    splits.put(split_key(POLICY), b"nonsense")
    splits.put(split_key(POLICY), json.dumps({"subject": POLICY.model_dump()}).encode())
    assert splits.of("policy", "example") == QUARTER
    assert (splits.of("prompt", "example"), splits.of("policy", "other")) == (None, None)


def test_each_subject_has_a_key_of_its_own() -> None:
    keys = {split_key(POLICY), split_key(PROMPT), split_key(Subject(kind="policy", name="a.b"))}
    assert len(keys) == 3
    assert all(key.count(".") == 1 for key in keys)
