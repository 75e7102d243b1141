"""`python -m benchmarks.training`: what training takes at 10 thousand, 100 thousand and a million rows.

The rows are scikit-learn's digits drawn again and again, with noise on every pixel and some labels turned around, each
size in a process of its own. What is scikit-learn's is timed inside its estimators; all else is ours: the search around
them, the export, and ONNX's half of the parity check.
"""

import functools
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
from rich.console import Console
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # the same
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # the same
from sklearn.pipeline import Pipeline  # type: ignore[import-untyped]  # the same

from oo import catalog as catalogs
from oo.local.settings import PROJECT_DIR
from oo.printing import columns
from oo.training.dataset import DECISIONS, HOLDOUT_SHARE, Dataset, Manifest
from oo.training.trainer import train

SIZES = (10_000, 100_000, 1_000_000)
SEED = 7
NOISE = 1.0
"""Standard deviation, on pixels from 0 to 16."""
TURNED_AROUND = 0.05
SERVICE = catalogs.load([PROJECT_DIR / "examples/digits/catalog.yaml"]).service("digits@1")


class Figures(NamedTuple):
    """What one training took."""

    rows: int
    """That the model was fitted on."""
    seconds: float
    cpu_seconds: float
    sklearn_cpu_seconds: float
    peak_mib: float
    matrix_mib: float
    """Of the rows alone, the holdout among them."""
    recipe: str
    calibration: str
    parity_difference: float
    stages: Mapping[str, float]

    @property
    def ours(self) -> float:
        """The share of the time that is not scikit-learn's."""
        return 1 - self.sklearn_cpu_seconds / self.cpu_seconds


def figures(rows: int) -> Figures:
    """Train on so many rows in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", str(rows)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT_DIR)  # noqa: S603  # our own
    return Figures(*json.loads(told.stdout))


def growth(before: Figures, after: Figures) -> float:
    """The exponent by which time grows with rows; 1 is in proportion."""
    return math.log(after.cpu_seconds / before.cpu_seconds) / math.log(after.rows / before.rows)


def digits(fitted: int) -> Dataset:
    """Decisions on noisy images, the right digit chosen half of the time; the holdout comes on top."""
    rng, rows = np.random.default_rng(SEED), round(fitted / (1 - HOLDOUT_SHARE))
    images, labels = load_digits(return_X_y=True)
    picked = rng.integers(len(labels), size=rows)
    arms = np.where(rng.random(rows) < 1 / 2, labels[picked], rng.integers(10, size=rows))
    matrix = np.zeros((rows, SERVICE.width), dtype=np.float32)
    matrix[:, :64] = images.astype(np.float32)[picked]
    matrix[:, :64] += rng.standard_normal((rows, 64), dtype=np.float32) * NOISE
    matrix[np.arange(rows), 64 + arms] = 1
    rewards = (arms == labels[picked]) ^ (rng.random(rows) < TURNED_AROUND)
    told: dict[str, Any] = {
        "decision_id": np.arange(rows).astype(str),
        "tenant_id": ["digits"] * rows,
        "user_id": ["u"] * rows,
        "decided_at": [datetime(2026, 11, 1, tzinfo=UTC)] * rows,
        "propensity": np.full(rows, 0.1),
        "reward": rewards.astype(float),
    }
    manifest = Manifest(SERVICE.name, SERVICE.digest, ("digits",), "", 0, rows, {}, "", None, None, {})  # type: ignore[typeddict-item]  # nobody reads it
    return Dataset(pa.table(told, schema=DECISIONS), matrix, manifest)


class _Sklearn:
    """Adds up the time inside scikit-learn's estimators, however they call each other."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False
        for estimator in (HistGradientBoostingClassifier, Pipeline, LogisticRegression):
            for method in ("fit", "predict_proba"):
                setattr(estimator, method, self._timed(getattr(estimator, method)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # whatever it takes
            with self._outermost():
                return method(*args, **kwargs)

        return timed

    @contextmanager
    def _outermost(self) -> Any:  # noqa: ANN401
        if self._inside:
            yield
            return
        self._inside, begun = True, time.process_time()
        yield
        self._inside = False
        self.seconds += time.process_time() - begun


def _train(fitted: int) -> Figures:
    dataset, sklearn = digits(fitted), _Sklearn()
    begun, busy = time.perf_counter(), time.process_time()
    candidate = train(dataset, SERVICE, seed=SEED)
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    report, cost = candidate.report, candidate.cost
    assert cost is not None  # noqa: S101  # `train` measures it
    assert report.calibration is not None  # noqa: S101  # and this too
    return Figures(
        fitted,
        seconds,
        busy,
        sklearn.seconds,
        cost.peak_mib,
        dataset.rows.nbytes / 2**20,
        report.recipe,
        report.calibration.method,
        report.parity_difference,
        cost.seconds,
    )


def print_figures(console: Console) -> None:
    """Train at each size and print what it took."""
    taken = []
    for size in SIZES:
        with console.status(f"training on {size:,} rows"):
            taken.append(figures(size))
    table = columns("rows", "seconds", "CPU seconds", "growth", "ours", "peak MiB", "rows alone, MiB")
    exponents = ("", *(f"{growth(before, after):.2f}" for before, after in pairwise(taken)))
    for one, exponent in zip(taken, exponents, strict=True):
        times = (f"{one.seconds:.0f}", f"{one.cpu_seconds:.0f}", exponent, f"{one.ours:.0%}")
        table.add_row(f"{one.rows:,}", *times, f"{one.peak_mib:,.0f}", f"{one.matrix_mib:,.0f}")
    console.print(table)
    table = columns("seconds by stage", *taken[0].stages)
    for one in taken:
        table.add_row(f"{one.rows:,} rows", *(f"{seconds:.0f}" for seconds in one.stages.values()))
    console.print(table)
    console.print(
        f"over all sizes time grows as rows to the power of {growth(taken[0], taken[-1]):.2f}; "
        f"chosen: {', '.join(f'{one.recipe} ({one.calibration})' for one in taken)}; "
        f"parity within {max(one.parity_difference for one in taken):.1g}",
        highlight=False,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump(_train(int(sys.argv[1])), sys.stdout)
    else:
        print_figures(Console())
