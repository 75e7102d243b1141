"""How a model came about, as it is told beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Parameter = str | int | float


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate and how well it did."""

    recipe: str
    parameters: Mapping[str, Parameter]
    log_loss: float
    """Cross-validated, after a sigmoid, in nats a row."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Which calibration was taken, and what it changed on rows that neither model nor calibration were fitted on."""

    method: Literal["none", "sigmoid"]
    slope: float
    """Of the sigmoid; 1 when there is none."""
    intercept: float
    """Of the sigmoid; 0 when there is none."""
    fitted_on: int
    """How many held-out rows the shipped sigmoid was fitted on."""
    judged_on: int
    """How many of them, the newest, judged a sigmoid that was fitted on the others."""
    log_loss_before: float
    log_loss_after: float
    """With the sigmoid, whether it was taken or not."""
    error_before: float
    """The expected calibration error."""
    error_after: float


@dataclass(frozen=True, slots=True)
class Report:
    """How a model was fitted and exported; equal for equal rows and seed."""

    recipe: str
    log_loss: Mapping[str, float]
    """The cross-validated log loss of each recipe's best candidate, after a sigmoid."""
    parity_rows: int
    parity_difference: float
    """The largest difference between the ONNX file and the model, over `parity_rows` rows."""
    seed: int
    parameters: Mapping[str, Parameter] | None = None
    """Those that were searched for, as chosen. None, like all below, for a model that came about without a search."""
    searched_rows: int | None = None
    """How many rows the search looked at."""
    tried: tuple[Tried, ...] = ()
    """All that was searched."""
    calibration: Calibration | None = None
