import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest

from oo.training.shards import WHOLE, Shard

PEOPLE = [(f"tenant-{number % 3}", f"user-{number}") for number in range(4_000)]


def test_each_person_is_in_one_shard_and_the_shards_are_of_about_one_size() -> None:
    shards = [Shard(index, 8) for index in range(8)]
    sizes = [sum(shard.holds(*person) for person in PEOPLE) for shard in shards]
    assert sum(sizes) == len(PEOPLE)
    assert all(sum(shard.holds(*person) for shard in shards) == 1 for person in PEOPLE)
    assert min(sizes) > 400
    assert max(sizes) < 600


def test_a_person_is_in_the_same_shard_in_every_process_and_release() -> None:
    # Told once and for ever: no seed of a process, and no later release, may place people otherwise.
    assert [number for number in range(30) if Shard(3, 7).holds("t", f"u{number}")] == [9, 12, 15, 22, 23, 25, 28, 29]


def test_two_people_whose_ids_read_alike_side_by_side_are_two() -> None:
    shards = [Shard(index, 1_000) for index in range(1_000)]
    assert [s for s in shards if s.holds("ab", "c")] != [s for s in shards if s.holds("a", "bc")]


def test_the_rows_of_a_shard_are_those_of_its_people() -> None:
    tenants, users = zip(*PEOPLE, strict=True)
    batch = pa.RecordBatch.from_pydict({"tenant_id": tenants, "user_id": users})
    kept = batch.filter(Shard(1, 3).among(batch))
    assert kept["user_id"].to_pylist() == [user for tenant, user in PEOPLE if Shard(1, 3).holds(tenant, user)]
    assert batch.filter(WHOLE.among(batch)).num_rows == len(PEOPLE)


@pytest.mark.parametrize(("index", "count"), [(3, 3), (-1, 3), (0, 0)])
def test_there_is_no_shard_beyond_the_last(index: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"no shard {index} of {count}"):
        Shard(index, count)
