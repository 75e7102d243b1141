import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest

from oo.errors import DatasetUnfinished
from oo.training.dataset import Dataset, DatasetFile, Fingerprint, fingerprint
from tests.training_data import SERVICE, dataset_of, digit_dataset


def test_a_saved_dataset_is_loaded_as_it_was(tmp_path: Path) -> None:
    saved = digit_dataset(12)
    saved.rows[3, 5] = np.nan
    saved.save(tmp_path / "dataset")
    loaded = Dataset.load(tmp_path / "dataset")
    np.testing.assert_array_equal(loaded.rows, saved.rows)
    assert loaded.rows.dtype == np.float32
    assert loaded.decisions.equals(saved.decisions)
    assert loaded.manifest == saved.manifest


def test_the_holdout_is_the_newest_quarter() -> None:
    dataset = digit_dataset(40)
    assert (dataset.fitted, dataset.holdout) == (slice(0, 30), slice(30, 40))


def test_training_rows_say_what_was_fitted_on() -> None:
    dataset = digit_dataset(8)
    table = pq.read_table(io.BytesIO(dataset.training_rows()))
    assert table.column_names == ["decision_id", "tenant_id", "user_id", "reward", "part"]
    assert table["part"].to_pylist() == ["fitted"] * 6 + ["holdout"] * 2


def test_the_fingerprint_tells_apart_a_reward_and_a_cell() -> None:
    dataset, other = digit_dataset(8), digit_dataset(8)
    same = fingerprint(dataset.decisions, dataset.rows)
    assert fingerprint(other.decisions, other.rows) == same
    other.rows[0, 0] += 1
    assert fingerprint(other.decisions, other.rows) != same
    flipped = dataset.decisions.set_column(5, "reward", [[1 - reward for reward in dataset.rewards]])
    assert fingerprint(flipped, dataset.rows) != same


def test_the_fingerprint_is_the_same_in_whatever_pieces_the_rows_come() -> None:
    dataset = digit_dataset(11)
    pieces = Fingerprint()
    for part in (slice(0, 1), slice(1, 7), slice(7, 7), slice(7, 11)):
        pieces.update(dataset.decisions[part], dataset.rows[part])
    assert pieces.hexdigest() == fingerprint(dataset.decisions, dataset.rows)


def test_more_rows_than_are_written_at_a_time_are_loaded_in_order(tmp_path: Path) -> None:
    rows = np.zeros((20_000, SERVICE.width), dtype=np.float32)
    rows[:, 0] = np.arange(20_000)
    saved = dataset_of(rows, np.arange(20_000) % 2.0)
    saved.save(tmp_path)
    assert pq.ParquetFile(tmp_path / "dataset.parquet").num_row_groups > 1
    loaded = Dataset.load(tmp_path)
    np.testing.assert_array_equal(loaded.rows, rows)
    assert loaded.decisions.equals(saved.decisions)


def test_a_dataset_that_was_begun_again_and_not_finished_is_none(tmp_path: Path) -> None:
    dataset = digit_dataset(12)
    dataset.save(tmp_path)
    with suppress(KeyboardInterrupt), DatasetFile.written(tmp_path, SERVICE.width) as file:
        file.append(dataset.decisions[:5], dataset.rows[:5])
        raise KeyboardInterrupt
    with pytest.raises(DatasetUnfinished, match="holds no whole dataset; assemble it again"):
        Dataset.load(tmp_path)
    dataset.save(tmp_path)
    np.testing.assert_array_equal(Dataset.load(tmp_path).rows, dataset.rows)
