"""What a challenger is judged by, and what a judge says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from oo.features.services import Column, FeatureService
from oo.training.dataset import Dataset
from oo.training.verdict import GateResult

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]


class Cells(NamedTuple):
    """A column and where its cells are in a row."""

    column: Column
    at: slice


def columns_of(service: FeatureService) -> Mapping[str, Cells]:
    """The columns of a feature service by their names, `source.name`."""
    columns, start = {}, 0
    for column in service.columns:
        columns[f"{column.source}.{column.name}"] = Cells(column, slice(start, start + column.width))
        start += column.width
    return columns


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One of the two models that are compared, as its ONNX file behaves."""

    feature_digest: str
    """Of the columns that it was trained on."""
    onnx: bytes
    """The file that serves, or would."""
    scores: Scores
    """Of the holdout's rows, shape (n,); NaN where it cannot read them."""
    seconds: Scores
    """What a request of 50 arms took it, shape (rounds,); empty when it cannot be asked.

    Both contenders were asked the same request in each round, one right after the other.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a challenger is judged by: the material whole, so that a new gate needs no new field."""

    service: FeatureService
    """The columns as the catalog declares them now."""
    dataset: Dataset
    """The rows that the challenger was fitted on, and the newer ones that judge it."""
    challenger: Contender
    champion: Contender
    """Or what stands in for one that cannot read these columns."""
    parity_difference: float
    """The largest difference between the challenger's file and the model that it was made of."""
    segments: Mapping[str, Labels]
    """Ways to cut the holdout, such as by tenant: the label of each of its rows, shape (n,)."""

    @property
    def rewards(self) -> Scores:
        """Of the holdout's decisions, shape (n,), 0 or 1."""
        return self.dataset.rewards[self.dataset.holdout]

    @property
    def fitted_rewards(self) -> Scores:
        """Of the decisions that the challenger was fitted on, shape (m,), 0 or 1."""
        return self.dataset.rewards[self.dataset.fitted]

    @property
    def as_of(self) -> datetime:
        """When the dataset was put together."""
        return datetime.fromisoformat(self.dataset.manifest.as_of)

    def columns(self) -> Mapping[str, Cells]:
        """Each declared column with its cells in a row; none when the rows were encoded by another declaration."""
        return columns_of(self.service) if self.service.width == self.dataset.rows.shape[1] else {}


class Gate(Protocol):
    """One condition for promotion."""

    def judge(self, evidence: Evidence) -> GateResult:
        """Whether the challenger passes, and why, in a sentence. What cannot be told does not pass."""


def judge(evidence: Evidence, gates: Sequence[Gate]) -> tuple[GateResult, ...]:
    """What every gate says; all are asked, so that a refusal names all of its reasons."""
    return tuple(gate.judge(evidence) for gate in gates)
