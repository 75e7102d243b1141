from pathlib import Path

from oo.training.candidate import Candidate
from oo.training.cost import Cost
from oo.training.report import Calibration, Report, Tried


def test_a_saved_candidate_is_loaded_as_it_was(tmp_path: Path) -> None:
    report = Report(
        recipe="forest",
        log_loss={"boosting": 0.4, "forest": 0.3},
        parity_rows=400,
        parity_difference=1e-7,
        seed=1,
        parameters={"max_features": "sqrt", "min_samples_leaf": 1},
        searched_rows=100,
        tried=(Tried("forest", {"max_features": 0.3}, 0.31), Tried("forest", {"max_features": "sqrt"}, 0.3)),
        calibration=Calibration("sigmoid", 2.0, -0.5, 50, 25, 0.4, 0.3, 0.1, 0.02),
    )
    candidate = Candidate(b"model", report, Cost({"search": 1.5}, 300.0))
    candidate.save(tmp_path / "candidate")
    assert Candidate.load(tmp_path / "candidate") == candidate


def test_a_candidate_that_came_about_without_a_search_is_loaded_as_it_was(tmp_path: Path) -> None:
    candidate = Candidate(b"model", Report("boosting", {"boosting": 0.3}, 400, 1e-7, seed=1))
    candidate.save(tmp_path)
    assert Candidate.load(tmp_path) == candidate
