"""What a fit hands over: an ONNX file that is proven equal to its model, and how both came about."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from oo.training.cost import Cost
from oo.training.report import Report

_ONNX, _REPORT, _COST = "model.onnx", "report.json", "cost.json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be registered."""

    onnx: bytes
    report: Report
    cost: Cost | None = None
    """None when nobody measured it."""

    def save(self, folder: Path) -> None:
        """Write the candidate into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _ONNX).write_bytes(self.onnx)
        for name, told in ((_REPORT, asdict(self.report)), (_COST, self.cost and asdict(self.cost))):
            (folder / name).write_text(json.dumps(told, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The candidate that `save` wrote into `folder`."""
        report = TypeAdapter(Report).validate_json((folder / _REPORT).read_bytes())
        cost = TypeAdapter(Cost | None).validate_json((folder / _COST).read_bytes())
        return cls((folder / _ONNX).read_bytes(), report, cost)
