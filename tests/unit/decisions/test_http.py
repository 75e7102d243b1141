import json
from typing import Any

import pytest
from pydantic import ValidationError

from oo.decisions.generate_http import GenerateRequest
from oo.decisions.http import HttpModel
from oo.decisions.score import MOST_CANDIDATES, ScoreRequest
from oo.events.envelope import Envelope
from oo.features.profile_schema import PROFILE_SCHEMA

SCORE: dict[str, Any] = {"tenant_id": "t", "user_id": "u", "candidates": [{"tip_id": "a"}]}
GENERATE: dict[str, Any] = {"tenant_id": "t", "user_id": "u"}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (ScoreRequest, SCORE | {"tenant_id": "a\0"}),
        (ScoreRequest, SCORE | {"user_id": "a\0"}),
        (ScoreRequest, SCORE | {"candidates": [{"tip_id": "a\0"}]}),
        (ScoreRequest, SCORE | {"candidates": [{"tip_id": "a" * 257}]}),
        (ScoreRequest, SCORE | {"candidates": [{"tip_id": str(n)} for n in range(MOST_CANDIDATES + 1)]}),
        (GenerateRequest, GENERATE | {"tenant_id": "a\0"}),
        (GenerateRequest, GENERATE | {"user_id": "a\0"}),
        (GenerateRequest, GENERATE | {"user_id": "a" * 257}),
    ],
)
def test_what_the_record_of_the_decision_could_not_hold_is_no_request(
    model: type[HttpModel], body: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("character", ["\x01", "\n", "é", "😀", "\u2028", " "])
def test_an_identifier_that_a_request_may_hold_is_one_on_the_bus(character: str) -> None:
    request = ScoreRequest.model_validate(SCORE | {"user_id": character * 256})
    Envelope.model_validate(
        {
            "event_id": "e",
            "schema_version": "v1",
            "producer": "p",
            "occurred_at": "2026-11-22T10:00:00Z",
            "tenant_id": request.tenant_id,
            "user_id": request.user_id,
            "session_started": {"surface": "ios"},
        }
    )


def test_a_repeated_tip_is_refused_without_its_name() -> None:
    with pytest.raises(ValidationError, match="may stand once") as refusal:
        ScoreRequest.model_validate(SCORE | {"candidates": [{"tip_id": "rosebud"}] * 2})
    assert "rosebud" not in str(refusal.value.errors(include_input=False))


@pytest.mark.parametrize("model", [ScoreRequest, GenerateRequest])
def test_the_schema_tells_every_profile_feature_with_its_unit(model: type[HttpModel]) -> None:
    documented, _null = model.model_json_schema()["properties"]["profile_features"]["anyOf"]
    assert documented["properties"].keys() == {feature.name for feature in PROFILE_SCHEMA}
    for feature in PROFILE_SCHEMA:
        described = documented["properties"][feature.name]
        assert feature.unit in described["description"]
        assert ({"type": "null"} in described.get("anyOf", [])) == feature.nullable
    assert documented["additionalProperties"], "other names are ignored and not refused"
