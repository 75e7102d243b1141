import math
import sys

import numpy as np
import pytest
from pydantic import JsonValue, ValidationError

from oo.errors import InvalidFeature
from oo.features.services import FeatureService, Values

Declared = dict[str, JsonValue]

PERSON: Declared = {"source": "profile", "name": "completion_rate", "type": "number"}
SIGNAL: Declared = {"source": "signal", "name": "sessions_7d", "type": "number"}
MOMENT: Declared = {"source": "context", "name": "weekend", "type": "number"}
TOPIC: Declared = {"source": "candidate", "name": "topic", "type": "category", "values": ["move", "rest"]}
MINUTES: Declared = {"source": "candidate", "name": "minutes", "type": "number"}
TIP: Declared = {"source": "candidate", "name": "tip_id", "type": "category", "values": ["stretch", "walk"]}


def service(*columns: Declared, **changed: str) -> FeatureService:
    return FeatureService.model_validate({"name": "tips@1", "model": "tips", "columns": columns} | changed)


def test_a_row_holds_the_columns_in_order_and_the_persons_are_the_same_for_every_tip() -> None:
    tips: list[tuple[str, Values]] = [
        ("a", {"topic": "rest", "minutes": 5}),
        ("b", {"topic": "move", "minutes": 2.5}),
    ]
    rows = service(PERSON, TOPIC, SIGNAL, MINUTES, MOMENT).encode(
        tips, profile={"completion_rate": 0.5}, signal={"sessions_7d": 4.0}, context={"weekend": True}
    )
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0.5, 0, 1, 4, 5, 1], [0.5, 1, 0, 4, 2.5, 1]]


def test_every_cell_has_a_name() -> None:
    assert service(PERSON, TOPIC, TIP).cell_names == (
        "profile.completion_rate",
        "candidate.topic=move",
        "candidate.topic=rest",
        "candidate.tip_id=stretch",
        "candidate.tip_id=walk",
    )
    assert service(PERSON, TOPIC, TIP).width == 5


def test_an_absent_number_is_nan_wherever_it_should_have_come_from() -> None:
    rows = service(PERSON, SIGNAL, MOMENT, MINUTES).encode([("a", {}), ("b", {"minutes": None})])
    assert np.isnan(rows).all()
    assert rows.shape == (2, 4)


def test_an_absent_or_unseen_category_is_all_zeros() -> None:
    rows = service(TOPIC).encode([("a", {"topic": "sing"}), ("b", {}), ("c", {"topic": None})])
    assert rows.tolist() == [[0, 0]] * 3


def test_the_column_tip_id_is_the_arm_itself_whatever_its_features_say() -> None:
    rows = service(TIP).encode([("walk", {"tip_id": "stretch"}), ("unheard_of", {})])
    assert rows.tolist() == [[0, 1], [0, 0]]


def test_features_that_no_column_reads_are_ignored() -> None:
    rows = service(MINUTES).encode([("a", {"minutes": 1, "mood": {"deep": []}})], profile={"mood": "x"})
    assert rows.tolist() == [[1]]


def test_no_tips_make_no_rows() -> None:
    assert service(PERSON, TOPIC).encode([], profile={"completion_rate": 1}).shape == (0, 3)


@pytest.mark.parametrize("value", ["0.5", [1], {"is": 1}])
@pytest.mark.parametrize(("column", "argument"), [(PERSON, "profile"), (SIGNAL, "signal"), (MOMENT, "context")])
def test_a_number_of_the_wrong_type_is_refused_with_its_name(column: Declared, argument: str, value: JsonValue) -> None:
    given: dict[str, Values] = {argument: {str(column["name"]): value}}
    with pytest.raises(InvalidFeature, match=rf"{column['source']} feature '{column['name']}' must be a number, not"):
        service(column).encode([("a", {})], **given)


@pytest.mark.parametrize("value", [1, True, 0.5, ["move"]])
def test_a_category_of_the_wrong_type_is_refused_with_its_name(value: JsonValue) -> None:
    with pytest.raises(InvalidFeature, match="candidate feature 'topic' must be a string, not"):
        service(TOPIC).encode([("a", {"topic": "move"}), ("b", {"topic": value})])


@pytest.mark.parametrize("value", [1e39, -1e39, 10**400, math.inf, -math.inf, math.nan])
def test_a_number_that_the_model_could_not_read_is_refused_with_its_name(value: JsonValue) -> None:
    with pytest.raises(InvalidFeature, match="candidate feature 'minutes' must be a finite number"):
        service(MINUTES).encode([("a", {"minutes": value})])


def test_the_largest_number_of_32_bits_is_taken() -> None:
    largest = float(np.finfo(np.float32).max)
    assert service(MINUTES).encode([("a", {"minutes": largest}), ("b", {"minutes": sys.maxsize})])[0, 0] == largest


@pytest.mark.parametrize(
    "columns",
    [
        (TOPIC, PERSON),
        (PERSON,),
        (PERSON, TOPIC | {"values": ["rest", "move"]}),
        (PERSON, TOPIC | {"values": ["move", "rest", "focus"]}),
        (PERSON, TOPIC | {"name": "theme"}),
        (PERSON | {"source": "context"}, TOPIC),
    ],
)
def test_the_digest_changes_when_a_column_does(columns: tuple[Declared, ...]) -> None:
    assert service(*columns).digest != service(PERSON, TOPIC).digest


def test_the_digest_is_the_same_for_the_same_declaration() -> None:
    assert service(PERSON, TOPIC).digest == service(dict(reversed(PERSON.items())), TOPIC).digest
    assert len(service(PERSON).digest) == 64


def test_the_signal_features_to_read_are_the_signal_columns_in_order() -> None:
    sleep: Declared = {"source": "signal", "name": "sleep_hours_last", "type": "number"}
    assert service(sleep, PERSON, SIGNAL).signal_names() == ("sleep_hours_last", "sessions_7d")


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ([PERSON, PERSON], "declared twice: profile.completion_rate"),
        ([SIGNAL | {"name": "sesions_7d"}], "no family makes sesions_7d; there are sessions_7d"),
        ([TOPIC | {"values": ["move", "move"]}], "declared once each"),
        ([TOPIC | {"values": []}], "at least 1 item"),
        ([], "at least 1 item"),
        ([PERSON | {"type": "text"}], "'number', 'category'"),
        ([PERSON | {"name": "completionrate"}], "profile schema has no completionrate; there are completion_rate, dis"),
        (
            [PERSON | {"type": "category", "values": ["a"]}],
            r"completion_rate \(float64, nullable, share 0 to 1\) is read by a column of type number",
        ),
        ([PERSON | {"name": "goal"}], r"profile feature goal \(string, .* is read by a column of type category"),
        ([PERSON | {"source": "dream"}], "'profile', 'signal', 'context' or 'candidate'"),
        ([PERSON | {"unit": "share"}], "Extra inputs"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(columns: list[Declared], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        service(*columns)


@pytest.mark.parametrize("name", ["tips", "tips@", "Tips@1", "tips@1.0"])
def test_a_service_without_a_version_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        service(PERSON, name=name)
