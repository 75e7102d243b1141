"""What a fit hands over: an ONNX file that is proven equal to its model, and how both came about."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_ONNX, _REPORT = "model.onnx", "report.json"


@dataclass(frozen=True, slots=True)
class Report:
    """How a model was fitted and exported."""

    recipe: str
    log_loss: Mapping[str, float]
    """The cross-validated log loss of each recipe."""
    parity_rows: int
    parity_difference: float
    """The largest difference between the ONNX file and the model, over `parity_rows` rows."""
    seed: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be registered."""

    onnx: bytes
    report: Report

    def save(self, folder: Path) -> None:
        """Write the candidate into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ONNX).write_bytes(self.onnx)
        (folder / _REPORT).write_text(json.dumps(asdict(self.report), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The candidate that `save` wrote into `folder`."""
        report = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
        return cls((folder / _ONNX).read_bytes(), Report(**report))
