from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest

from oo.errors import DatasetUnfinished
from oo.training import shard_file
from oo.training.shard_file import ORDER, ROW_GROUP, Header
from tests.training_data import START

HEADER = Header(
    feature_service="tiny@1",
    feature_digest="ab" * 32,
    tenants=("t1",),
    as_of=START.isoformat(),
    table_version=7,
    filters={"left_out": "open"},
    count=3,
    index=0,
    rows=2,
    excluded={"open": 3},
)


def examples(seconds: Sequence[int]) -> pa.Table:
    """A row for each of these seconds."""
    columns = {
        "decision_id": [f"d{second % 7}-{place}" for place, second in enumerate(seconds)],
        "tenant_id": ["t1"] * len(seconds),
        "user_id": ["u1"] * len(seconds),
        "decided_at": [START + timedelta(seconds=second) for second in seconds],
        "propensity": [0.5] * len(seconds),
        "reward": [1.0] * len(seconds),
        "row": [[float(second), 0.0] for second in seconds],
        "signal": ["{}"] * len(seconds),
        "signal_sequence": [2**63] * len(seconds),
    }
    return pa.table(columns, schema=shard_file.schema(2))


def written(folder: Path, tables: Sequence[pa.Table]) -> list[Path]:
    folders = [folder / str(index) for index in range(len(tables))]
    for index, table in enumerate(tables):
        shard_file.write(folders[index], table, replace(HEADER, index=index, count=len(tables)))
    return folders


def refused(folders: Sequence[Path], said: str) -> None:
    with ExitStack() as stack, pytest.raises(DatasetUnfinished, match=said):
        shard_file.opened(folders, stack)


def test_the_rows_of_all_shards_come_in_order_and_few_at_a_time(tmp_path: Path) -> None:
    draw = Random(1)  # noqa: S311  # made-up times
    # Many equal times, one shard much larger, one in another time, one empty.
    tables = [examples([draw.randrange(900) for _ in range(size)]) for size in (4 * ROW_GROUP + 1, ROW_GROUP, 3)] + [
        examples(range(2_000, 5_000)),
        examples([]),
    ]
    folders = written(tmp_path, tables)
    with ExitStack() as stack:
        pieces = list(shard_file.opened(folders[::-1], stack).rows())
    whole = pa.concat_tables(tables).sort_by([(name, "ascending") for name in ORDER])
    assert pa.concat_tables(pieces).select(ORDER).equals(whole.select(ORDER))
    assert pa.concat_tables(pieces)["row"].to_pylist() == whole["row"].to_pylist()
    assert max(map(len, pieces)) <= len(tables) * ROW_GROUP


def test_what_is_told_with_a_shard_comes_back(tmp_path: Path) -> None:
    folders = written(tmp_path, [examples([1]), examples([2])])
    with ExitStack() as stack:
        shards = shard_file.opened(folders, stack)
        assert shards.headers == [replace(HEADER, count=2, index=index) for index in (0, 1)]
        assert shards.origin == replace(HEADER, count=2, rows=0, excluded={})


def test_without_all_shards_once_there_is_no_dataset(tmp_path: Path) -> None:
    folders = written(tmp_path, [examples([number]) for number in range(3)])
    refused(folders[:2], "a dataset of 3 shards takes each once, and here are 0, 1; assemble the others")
    refused([*folders, folders[0]], "here are 0, 0, 1, 2")
    refused([], "there are no shards")
    refused([*folders, tmp_path / "elsewhere"], "elsewhere holds no whole shard")


def test_shards_of_two_plans_do_not_mix(tmp_path: Path) -> None:
    folders = written(tmp_path, [examples([1]), examples([2])])
    later = replace(HEADER, count=2, index=1, table_version=8)
    shard_file.write(folders[1], examples([2]), later)
    refused(folders, "of different plans")


def test_a_half_written_shard_is_refused_and_written_anew(tmp_path: Path) -> None:
    folders = written(tmp_path, [examples([1]), examples([2])])
    whole = (folders[0] / "shard.parquet").read_bytes()
    (folders[0] / "shard.parquet").write_bytes(whole[: len(whole) // 2])
    (folders[0] / "begun.shard.parquet").write_bytes(b"PAR1 and then the power went")
    refused(folders, f"{folders[0]} holds no whole shard")
    shard_file.write(folders[0], examples([1]), replace(HEADER, count=2))
    assert (folders[0] / "shard.parquet").read_bytes() == whole
    assert [path.name for path in folders[0].iterdir()] == ["shard.parquet"]
