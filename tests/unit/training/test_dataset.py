import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types

from oo.training.dataset import Dataset, fingerprint
from tests.training_data import digit_dataset


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
