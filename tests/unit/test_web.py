from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import Field

from oo.decisions.http import HttpModel, JsonFeatures
from oo.errors import DecisionConflict, InvalidFeature, UnknownPromptVersion, UnknownTenant
from oo.web import DecisionRoute, install

LIMIT = 2_000


class Question(HttpModel):
    number: Annotated[float, Field(ge=0)]
    features: JsonFeatures = Field(default_factory=dict)


class Answer(HttpModel):
    doubled: float
    named: str | None


REFUSALS = {
    "conflict": DecisionConflict("used before"),
    "feature": InvalidFeature("feature 'x' must be a number"),
    "prompt": UnknownPromptVersion("known: v1, v2"),
    "tenant": UnknownTenant("tenant 'x' is in no catalog file"),
}


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install(app, LIMIT)

    async def double(body: Question, _: Request, x_request_id: str | None = None) -> Answer:
        return Answer(doubled=body.number * 2, named=x_request_id)

    app.router.add_api_route("/double", double, methods=["POST"], route_class_override=DecisionRoute)

    @app.post("/refuse/{kind}")
    async def refuse(kind: str) -> None:
        raise REFUSALS[kind]

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://oo") as client:
        yield client


async def test_a_good_body_passes(web: httpx.AsyncClient) -> None:
    answer = await web.post("/double", json={"number": 4}, headers={"x-request-id": "r"})
    assert answer.json() == {"doubled": 8, "named": "r"}


async def test_the_body_is_documented(web: httpx.AsyncClient) -> None:
    paths = (await web.get("/openapi.json")).json()["paths"]
    assert "Question" in str(paths["/double"]["post"]["requestBody"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"number": -1}', "number"),
        (b"{}", "number"),
        (b'{"number": "many"}', "number"),
        (b'{"number": NaN}', "number"),
        (b'{"number": Infinity}', "number"),
        (b'{"number": 1e999}', "number"),
        (b'{"number": 1, "features": {"age": NaN}}', "features.age"),
        (b'{"number": 1, "features": {"age": [1]}}', "features.age"),
        (b'{"number": 1, "colour": "red"}', "colour"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"", "body"),
        (b"\xff\xfe", "body"),
    ],
)
async def test_a_bad_body_is_refused_with_the_field_and_without_its_content(
    web: httpx.AsyncClient, body: bytes, field: str
) -> None:
    answer = await web.post("/double", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_body"
    assert any(fault["field"].startswith(field) for fault in error["fields"]), error
    assert "many" not in answer.text


@pytest.mark.parametrize(("kind", "status"), [("conflict", 409), ("feature", 422), ("prompt", 422), ("tenant", 422)])
async def test_a_refusal_is_told_in_its_own_words(web: httpx.AsyncClient, kind: str, status: int) -> None:
    answer = await web.post(f"/refuse/{kind}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == str(REFUSALS[kind])


async def test_a_body_over_the_limit_is_refused(web: httpx.AsyncClient) -> None:
    answer = await web.post("/double", json={"number": 1, "features": {"note": "x" * LIMIT}})
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["error"]["message"]


async def test_a_body_over_the_limit_is_refused_when_its_length_is_not_told(web: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(LIMIT):
            yield b"  "

    assert (await web.post("/double", content=chunks())).status_code == 413


async def test_an_unknown_path_has_the_same_shape_of_error(web: httpx.AsyncClient) -> None:
    answer = await web.get("/nowhere")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "http_error"
