"""docs/api is what the code says, and what the code says is so."""

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from oo.decisions.generate_http import GenerateRequest, GenerateResponse, GenerateShortfall
from oo.decisions.http import HttpModel
from oo.decisions.score import ScoreRequest, ScoreResponse
from oo.llm.guardrails import Fault
from oo.web import REFUSALS, ErrorCode
from scripts import api_docs
from tests.contract.golden import GOLDEN

DOCUMENTS = {name: json.loads(text) for name, text in api_docs.documents().items()}
# What is written by hand shows what a reader forgives.
WRITTEN = sorted(path for path in GOLDEN.glob("v1/*.json") if ".hand." not in path.name)
OPERATIONS: list[tuple[dict[str, Any], type[HttpModel], type[HttpModel]]] = [
    (DOCUMENTS["scorer.openapi.json"]["paths"]["/score"]["post"], ScoreRequest, ScoreResponse),
    (DOCUMENTS["generator.openapi.json"]["paths"]["/generate"]["post"], GenerateRequest, GenerateResponse),
]


def test_the_files_are_current() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in api_docs.FOLDER.glob("*.json")}
    assert files == api_docs.documents(), "renew them with `make api`"


@pytest.mark.parametrize("service", ["scorer", "generator"])
def test_a_document_names_no_server(service: str) -> None:
    assert "servers" not in DOCUMENTS[f"{service}.openapi.json"]


@pytest.mark.parametrize(("operation", "request_model", "response_model"), OPERATIONS)
def test_the_examples_are_bodies_of_the_models(
    operation: dict[str, Any], request_model: type[HttpModel], response_model: type[HttpModel]
) -> None:
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples
    for example in examples.values():
        request_model.model_validate(example["value"])
    response_model.model_validate(operation["responses"]["200"]["content"]["application/json"]["example"])


@pytest.mark.parametrize("service", ["scorer", "generator"])
def test_every_field_whose_name_does_not_say_it_all_is_described(service: str) -> None:
    schemas = DOCUMENTS[f"{service}.openapi.json"]["components"]["schemas"]
    bare = {
        f"{schema}.{name}"
        for schema, described in schemas.items()
        for name, field in described["properties"].items()
        if "description" not in field
    }
    assert bare <= {
        "AssignedExperiment.name",
        "AssignedExperiment.variant",
        "ErrorBody.error",
        "FieldFault.message",
        "GenerateResponse.tip",
        "GenerateResponse.usage",
        "NamedVersion.name",
        "RankedTip.tip_id",
        "TokenUsage.completion_tokens",
        "TokenUsage.prompt_tokens",
    }


@pytest.mark.parametrize(
    ("operation", "of_others"),
    [
        (OPERATIONS[0][0], {"not_found", "method_not_allowed", "unknown_prompt_version", "retired_prompt_version"}),
        (OPERATIONS[1][0], {"not_found", "method_not_allowed"}),
    ],
)
def test_every_code_of_an_error_is_told_under_its_status(operation: dict[str, Any], of_others: set[str]) -> None:
    told = {
        (int(status), code)
        for status, answer in operation["responses"].items()
        for code in get_args(ErrorCode)
        if f"`{code}`" in answer["description"]
    }
    assert {code for _, code in told} == set(get_args(ErrorCode)) - of_others
    assert {refusal for refusal in REFUSALS.values() if refusal.code not in of_others} <= told


def test_every_fault_of_the_guardrails_is_a_documented_shortfall() -> None:
    documented = {one for one in get_args(GenerateShortfall) if one.startswith("guardrail:")}
    assert documented == {f"guardrail:{fault}" for fault in get_args(Fault)}


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_an_event_as_each_language_writes_it_fits_its_schema(path: Path) -> None:
    validator = jsonschema_rs.validator_for(DOCUMENTS["events.v1.schema.json"])
    event = json.loads(path.read_bytes())
    validator.validate(event)
    assert not validator.is_valid(event | {"occurredAt": 1_763_623_815})


@pytest.mark.parametrize("event", [{}, {"sessionStarted": {}}, {"tipExposed": {"decisionId": "d", "tipId": "t"}}])
def test_the_schema_of_events_asks_for_exactly_one(event: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(DOCUMENTS["events.v1.schema.json"])
    envelope = {
        "eventId": "e",
        "schemaVersion": "v1",
        "producer": "p",
        "occurredAt": "2026-11-20T07:30:15Z",
        "tenantId": "t",
        "userId": "u",
    }
    assert validator.is_valid(envelope | event) == (len(event) == 1)
    assert not validator.is_valid(envelope | event | {"sessionStarted": {}, "sleepRecorded": {"asleep": "1s"}})
