from dataclasses import replace

import numpy as np
import pytest

from oo.training.dataset import Dataset
from oo.training.evidence import Entrant
from oo.training.gates.gate import Evidence
from oo.training.gates.segment_floor import SegmentFloor, holm
from oo.training.prior import prior
from tests.training_data import SERVICE
from tests.unit.training.gates.court import Court, entrant, logistic, refusals, scored


def test_a_challenger_that_is_worse_for_one_tenant_is_refused_though_all_in_all_it_is_better(court: Court) -> None:
    """An eighth of the decisions are another tenant's, whose images are mixed up by a wrong join."""
    rows = court.dataset.rows.copy()
    theirs = np.arange(0, len(rows), 8)
    rows[theirs, :64] = rows[np.roll(theirs, 2), :64]
    tenants = np.where(np.arange(len(rows)) % 8 == 0, "second", "digits")
    decisions = court.dataset.decisions.set_column(1, "tenant_id", [tenants])
    mixed_up = Court(Dataset(decisions, rows, court.dataset.manifest), Entrant(prior(SERVICE), SERVICE.digest))
    (refused,) = refusals(mixed_up.evidence(entrant(logistic(*court.fitted))))
    assert refused.name == "segment floor"
    assert refused.sentence.startswith("The challenger is worse than the champion for tenant second (log loss ")
    assert "corrected for as many looks (Holm)" in refused.sentence
    assert "tenant digits" not in refused.sentence


def test_of_many_segments_one_that_looks_worse_by_chance_is_let_pass(evidence: Evidence) -> None:
    """Twins: the same scores with some noise, cut into 14 at random. Without the correction one in two would fail."""
    rng = np.random.default_rng(6)
    alone, passed = 0, 0
    for _ in range(40):
        n = len(evidence.rewards)
        twin = np.clip(evidence.champion.scores + rng.normal(0, 0.02, n), 0.01, 0.99)
        labels = rng.integers(0, 14, n).astype(np.str_)
        cut = replace(scored(evidence, twin), segments={"at random": labels})
        result = SegmentFloor(rows=20).judge(cut)
        passed += result.passed
        alone += result.figures["least_p"] / 14 < 0.05
    assert alone >= 15
    assert passed >= 36


def test_segments_too_small_to_be_asked_are_a_no(evidence: Evidence) -> None:
    apart = replace(evidence, segments={"person": np.arange(len(evidence.rewards)).astype(np.str_)})
    result = SegmentFloor().judge(apart)
    assert not result.passed
    assert "No segment" in result.sentence


def test_holm_counts_each_p_value_among_those_that_are_left() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
