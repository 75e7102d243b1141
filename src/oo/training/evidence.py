"""Puts together what a challenger is judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # pyarrow ships no types
from pydantic import JsonValue

from oo.errors import UnknownColumn
from oo.features.services import Cells, Column, FeatureService, NumberColumn
from oo.models.onnx_model import OnnxModel
from oo.training.dataset import Dataset
from oo.training.gates.gate import Contender, Evidence, Labels, Scores, columns_of

ARMS = 50
"""Of a request whose time is taken."""
REQUESTS = 10
"""How many different ones there are; they take turns."""
ROUNDS = 100
_WARM_UP = 5
_KNOWN = 10
_HOURS = 6


@dataclass(frozen=True, slots=True)
class Entrant:
    """A model file and the columns that it was trained on."""

    onnx: bytes
    feature_digest: str


def gather(  # noqa: PLR0913  # each is a fact of its own, given by name
    service: FeatureService,
    dataset: Dataset,
    *,
    challenger: Entrant,
    champion: Entrant,
    parity_difference: float,
    named: Sequence[str] = (),
    clock: Callable[[], float] = perf_counter,
) -> Evidence:
    """The evidence for a challenger: both models' scores of the holdout, the time that each takes, and segments.

    Args:
        service: the columns as the catalog declares them now.
        dataset: its holdout is scored.
        challenger: the registered file that would serve.
        champion: the file to beat; it must read the same columns.
        parity_difference: between the challenger's file and the model that it was made of.
        named: columns, as `source.name`, whose values are segments too, such as those that a model card names.
        clock: seconds that only grow, for timing.

    Raises:
        InvalidModel: a file is no ONNX model.
        UnknownColumn: the feature service has no column that `named` asks for.
    """
    rows = dataset.rows[dataset.holdout]
    models = OnnxModel(challenger.onnx), OnnxModel(champion.onnx)
    own, others = _timed(service, models, rows, clock)
    return Evidence(
        service=service,
        dataset=dataset,
        challenger=Contender(challenger.feature_digest, challenger.onnx, _scores(models[0], rows), own),
        champion=Contender(champion.feature_digest, champion.onnx, _scores(models[1], rows), others),
        parity_difference=parity_difference,
        segments=segments(service, dataset, named),
    )


def segments(service: FeatureService, dataset: Dataset, named: Sequence[str] = ()) -> Mapping[str, Labels]:
    """The label of each row of the holdout by tenant, by how new the person is, by hour, by time zone, and as named.

    Raises:
        UnknownColumn: the feature service has no column that `named` asks for.
    """
    held = dataset.decisions.slice(dataset.holdout.start)
    columns = columns_of(service)
    if unknown := set(named) - set(columns):
        raise UnknownColumn(
            f"{service.name} has no column {', '.join(sorted(unknown))}; there are {', '.join(columns)}"
        )
    labels = {
        "tenant": np.asarray(held["tenant_id"].to_pylist(), dtype=np.str_),
        "earlier decisions": _people(dataset)[dataset.holdout],
        # Without its zone, which is UTC: Arrow would look it up in a database that an image may not have.
        "hours UTC": _bands(pc.hour(held["decided_at"].cast(pa.timestamp("us"))).to_numpy()),
    }
    rows = dataset.rows[dataset.holdout]
    if service.width != rows.shape[1]:
        return labels  # no column can be read from these rows
    if (offset := columns.get("profile.utc_offset_minutes")) is not None:
        labels["hours from UTC"] = _bands(rows[:, offset.at.start] / 60)
    return labels | {name: _values(columns[name].column, rows[:, columns[name].at]) for name in named}


def _people(dataset: Dataset) -> Labels:
    """How many earlier decisions of the dataset are about the same person, in bands."""
    tenants, users = (
        dataset.decisions[name].combine_chunks().dictionary_encode().indices.to_numpy()
        for name in ("tenant_id", "user_id")
    )
    people = tenants.astype(np.int64) * (users.max(initial=0) + 1) + users
    order = np.argsort(people, kind="stable")
    first = np.flatnonzero(np.diff(people[order], prepend=-1))
    earlier = np.empty(len(people), dtype=np.int64)
    earlier[order] = np.arange(len(people)) - np.repeat(first, np.diff(first, append=len(people)))
    return np.select([earlier == 0, earlier < _KNOWN], ["none", f"1 to {_KNOWN - 1}"], f"{_KNOWN} or more")


def _bands(hours: npt.NDArray[np.floating[Any]]) -> Labels:
    starts = np.floor(hours / _HOURS) * _HOURS
    return np.asarray(["unknown" if np.isnan(at) else f"{at:g} to {at + _HOURS:g}" for at in starts], dtype=np.str_)


def _values(column: Column, cells: Cells) -> Labels:
    """A category's values; a number's two halves, so that each has rows enough."""
    if isinstance(column, NumberColumn):
        values = cells[:, 0]
        median = np.nanmedian(values) if not np.isnan(values).all() else np.nan
        halves = np.where(values > median, f"above {median:g}", f"up to {median:g}")
        return np.where(np.isnan(values), "absent", halves)
    return np.where(cells.any(axis=1), np.asarray(column.values)[cells.argmax(axis=1)], "absent")


def _scores(model: OnnxModel, rows: Cells) -> Scores:
    return model.score(rows) if model.width == rows.shape[1] else np.full(len(rows), np.nan)


def _timed(
    service: FeatureService, models: tuple[OnnxModel, OnnxModel], rows: Cells, clock: Callable[[], float]
) -> tuple[Scores, Scores]:
    """What a request took each of both models; they take turns at being first, since the second finds warm caches."""
    if not len(rows) or {rows.shape[1], *(model.width for model in models)} != {service.width}:
        return np.empty(0), np.empty(0)
    requests = [
        _request(service, rows.take(range(start, start + ARMS), axis=0, mode="wrap"))
        for start in range(0, REQUESTS * ARMS, ARMS)
    ]
    seconds = np.empty((_WARM_UP + ROUNDS, 2))
    for round_ in range(len(seconds)):
        encode = requests[round_ % REQUESTS]
        for at in (0, 1) if round_ % 2 else (1, 0):
            start = clock()
            models[at].score(encode())
            seconds[round_, at] = clock() - start
    return seconds[_WARM_UP:, 0], seconds[_WARM_UP:, 1]


def _request(service: FeatureService, rows: Cells) -> Callable[[], Cells]:
    """Encodes what these rows were encoded from: a tip a row, and the first row's person and moment."""
    values = {name: [_value(column, row[at]) for row in rows] for name, (column, at) in columns_of(service).items()}
    shared = {
        source: {c.name: values[f"{source}.{c.name}"][0] for c in service.columns if c.source == source}
        for source in ("profile", "signal", "context")
    }
    own = [c.name for c in service.columns if c.source == "candidate"]
    ids = values.get("candidate.tip_id", [None] * len(rows))
    tips = [(str(ids[row]), {name: values[f"candidate.{name}"][row] for name in own}) for row in range(len(rows))]
    return partial(service.encode, tips, **shared)


def _value(column: Column, cells: Cells) -> JsonValue:
    if isinstance(column, NumberColumn):
        return None if np.isnan(cells[0]) else float(cells[0])
    return column.values[cells.argmax()] if cells.any() else None
