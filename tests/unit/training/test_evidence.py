from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pytest

from oo.errors import UnknownColumn
from oo.features.services import CategoryColumn, FeatureService, NumberColumn
from oo.training.dataset import Dataset
from oo.training.evidence import ROUNDS, Entrant, gather, segments
from oo.training.prior import prior
from tests.training_data import dataset_of

SERVICE = FeatureService(
    name="tips@7",
    model="tips",
    columns=(
        NumberColumn(name="utc_offset_minutes", source="profile"),
        CategoryColumn(name="language", source="profile", values=("en", "de")),
        NumberColumn(name="weekend", source="context"),
        CategoryColumn(name="tip_id", source="candidate", values=("a", "b", "c")),
        NumberColumn(name="minutes", source="candidate"),
    ),
)
NAN = float("nan")
HELD = np.array(
    [
        [120, 1, 0, 0, 1, 0, 0, 5],
        [-300, 0, 1, 1, 0, 1, 0, NAN],
        [NAN, 0, 0, NAN, 0, 0, 1, 20],
    ],
    dtype=np.float32,
)


def dataset(people: str = "aaabacaadaba") -> Dataset:
    """Twelve decisions two hours apart, of whom the last three are the holdout."""
    made = dataset_of(np.vstack([np.zeros((9, 8), dtype=np.float32), HELD]), [0.0, 1.0] * 6, SERVICE)
    hours = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=2 * place) for place in range(12)]
    decisions = made.decisions.set_column(2, "user_id", [list(people)])
    stamped = decisions.set_column(3, "decided_at", pa.array(hours, pa.timestamp("us", tz="UTC")))
    return Dataset(stamped, made.rows, made.manifest)


def test_the_holdout_is_cut_by_tenant_person_hour_and_time_zone() -> None:
    assert {name: labels.tolist() for name, labels in segments(SERVICE, dataset()).items()} == {
        "tenant": ["digits"] * 3,
        "earlier decisions": ["1 to 9", "1 to 9", "1 to 9"],
        "hours UTC": ["18 to 24", "18 to 24", "18 to 24"],
        "hours from UTC": ["0 to 6", "-6 to 0", "unknown"],
    }


def test_a_person_is_new_until_the_dataset_knows_a_decision_of_theirs() -> None:
    assert segments(SERVICE, dataset("aaaaaaaaabaa"))["earlier decisions"].tolist() == ["none", "1 to 9", "10 or more"]


def test_people_of_two_tenants_are_two_people() -> None:
    one = dataset("a" * 12)
    tenants = one.decisions.set_column(1, "tenant_id", [["x"] * 9 + ["y", "x", "y"]])
    two = Dataset(tenants, one.rows, one.manifest)
    assert segments(SERVICE, two)["earlier decisions"].tolist() == ["none", "1 to 9", "1 to 9"]


def test_the_holdout_is_cut_by_the_columns_that_are_named() -> None:
    named = segments(SERVICE, dataset(), ["profile.language", "candidate.minutes", "context.weekend"])
    assert named["profile.language"].tolist() == ["en", "de", "absent"]
    assert named["candidate.minutes"].tolist() == ["up to 12.5", "absent", "above 12.5"]
    assert named["context.weekend"].tolist() == ["up to 0.5", "above 0.5", "absent"]


def test_a_column_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(UnknownColumn, match=r"tips@7 has no column profile\.goal; there are profile\.utc_offset"):
        segments(SERVICE, dataset(), ["profile.goal"])


def test_both_models_are_timed_on_the_same_requests_and_take_turns() -> None:
    """A clock that grows by one more at each look: what is asked second takes longer, so both get equal shares."""
    ticks = count()
    clock = (float(sum(range(tick))) for tick in ticks)
    entrant = Entrant(prior(SERVICE), SERVICE.digest)
    evidence = gather(
        SERVICE, dataset(), challenger=entrant, champion=entrant, parity_difference=0.0, clock=lambda: next(clock)
    )
    own, other = evidence.challenger.seconds, evidence.champion.seconds
    assert len(own) == len(other) == ROUNDS
    assert np.sign(own - other).tolist() == [1.0, -1.0] * (ROUNDS // 2) or np.sign(own - other).tolist() == [
        -1.0,
        1.0,
    ] * (ROUNDS // 2)


def test_what_was_encoded_is_encoded_again_when_the_serving_path_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    encode = FeatureService.encode

    def noted(*args: object, **kwargs: object) -> np.ndarray:
        rows = encode(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        seen.append(rows)
        return rows

    monkeypatch.setattr(FeatureService, "encode", noted)
    entrant = Entrant(prior(SERVICE), SERVICE.digest)
    gather(SERVICE, dataset(), challenger=entrant, champion=entrant, parity_difference=0.0)
    person, moment, arms = HELD[0, :3], HELD[0, 3:4], HELD[:, 4:]
    first = seen[0]
    assert first.shape == (50, 8)
    np.testing.assert_array_equal(first[:3, :3], np.tile(person, (3, 1)))
    np.testing.assert_array_equal(first[:3, 3:4], np.tile(moment, (3, 1)))
    np.testing.assert_array_equal(first[:3, 4:], arms)


def test_rows_of_another_declaration_are_scored_by_nobody() -> None:
    other = FeatureService(name="tips@8", model="tips", columns=SERVICE.columns[:2])
    short = Entrant(prior(other), other.digest)
    evidence = gather(other, dataset(), challenger=short, champion=short, parity_difference=0.0)
    assert np.isnan(evidence.challenger.scores).all()
    assert len(evidence.challenger.seconds) == 0
    assert evidence.columns() == {}
    assert replace(evidence, service=SERVICE).columns()["candidate.minutes"].at == slice(7, 8)
