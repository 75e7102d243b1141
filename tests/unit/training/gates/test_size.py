from dataclasses import replace

import onnx

from oo.training.evidence import Entrant
from oo.training.gates.gate import Evidence
from oo.training.gates.size import Size
from tests.unit.training.gates.court import Court, refusals


def test_a_file_that_carries_its_training_rows_along_is_refused_however_good_it_is(
    court: Court, better: Entrant
) -> None:
    model = onnx.load_from_string(better.onnx)
    onnx.helper.set_model_props(model, {"rows": court.dataset.rows.tobytes().hex() * 50})
    (refused,) = refusals(court.evidence(replace(better, onnx=model.SerializeToString())))
    assert refused.name == "size"
    assert "more than the 50,000,000 that are allowed" in refused.sentence


def test_exactly_as_many_bytes_as_are_allowed_pass(evidence: Evidence) -> None:
    size = len(evidence.challenger.onnx)
    assert Size(size).judge(evidence).passed
    assert not Size(size - 1).judge(evidence).passed
