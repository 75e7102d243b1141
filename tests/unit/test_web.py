import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import REGISTRY
from pydantic import Field

from oo.access.access import Access
from oo.access.callers import Anyone, CallersFile
from oo.access.limits import TenantLimits
from oo.decisions.http import HttpModel, JsonFeatures
from oo.errors import DecisionConflict, InvalidFeature, RehearsedFault, UnknownPromptVersion, UnknownTenant
from oo.web import LONGEST_FIELD, MOST_FAULTS, DecisionRoute, install
from tests.access import anyone

LIMIT = 2_000
TOKENS = {"every": "every-" + "x" * 32, "one": "one-" + "x" * 32}
TENANT = "example"


class Question(HttpModel):
    tenant_id: str = TENANT
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
    "fault": RehearsedFault("a fault is rehearsed"),
}


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI(docs_url=None)
    app.state.access = anyone()
    app.state.released = asyncio.Event()
    app.state.released.set()

    async def double(body: Question, request: Request, x_request_id: str | None = None) -> Answer:
        await request.app.state.released.wait()
        return Answer(doubled=body.number * 2, named=x_request_id)

    app.router.add_api_route("/double", double, methods=["POST"], route_class_override=DecisionRoute)

    @app.post("/refuse/{kind}")
    async def refuse(kind: str) -> None:
        raise REFUSALS[kind]

    @app.post("/break")
    async def fail() -> None:
        raise RuntimeError("what the person said")

    install(app, LIMIT)
    return app


@pytest.fixture
async def web(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://oo") as client:
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


@pytest.mark.parametrize(
    ("kind", "status"), [("conflict", 409), ("feature", 422), ("prompt", 422), ("tenant", 422), ("fault", 500)]
)
async def test_a_refusal_is_told_in_its_own_words(web: httpx.AsyncClient, kind: str, status: int) -> None:
    answer = await web.post(f"/refuse/{kind}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == str(REFUSALS[kind])


async def test_a_body_over_the_limit_is_refused(web: httpx.AsyncClient) -> None:
    answer = await web.post("/double", json={"number": 1, "features": {"note": "x" * LIMIT}})
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["error"]["message"]


async def test_a_body_over_the_limit_is_refused_when_its_length_is_not_told(web: httpx.AsyncClient) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for read in range(LIMIT):  # noqa: B007  # counted
            yield b"  "

    answer = await web.post("/double", content=chunks())
    assert answer.status_code == 413
    assert read == LIMIT - 1, "a sender hears of it when it may finish"
    assert "connection" not in answer.headers


async def test_a_body_that_does_not_end_is_not_read_to_its_end(web: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    answer = await web.post("/double", content=chunks())
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
    ids=str,
)
async def test_what_is_not_sent_as_plain_json_is_refused(web: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await web.post("/double", content=b'{"number": 1}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "Application/JSON ; charset=utf-8"},
        {"content-type": "application/json", "content-encoding": "identity"},
    ],
    ids=str,
)
async def test_json_is_known_however_it_is_spelled(web: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await web.post("/double", content=b'{"number": 1}', headers=headers)).status_code == 200


async def test_of_many_faults_the_first_are_told(web: httpx.AsyncClient) -> None:
    answer = await web.post("/double", json={str(n): n for n in range(100)})
    error = answer.json()["error"]
    assert len(error["fields"]) == MOST_FAULTS
    assert error["fields"][0]["field"] == "number"


async def test_a_long_name_is_cut(web: httpx.AsyncClient) -> None:
    answer = await web.post("/double", json={"number": 1, "x" * 1000: 1})
    assert [fault["field"] for fault in answer.json()["error"]["fields"]] == ["x" * LONGEST_FIELD]


async def test_a_fault_of_the_service_is_told_without_its_cause(web: httpx.AsyncClient) -> None:
    answer = await web.post("/break")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_server_error"
    assert "what the person said" not in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/double/", "/", "/docs", "/a%0Ab"])
async def test_an_unknown_path_has_the_same_shape_of_error(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(("path", "method", "allowed"), [("/double", "GET", "POST"), ("/metrics", "POST", "GET")])
async def test_another_method_is_told_the_right_one(
    web: httpx.AsyncClient, path: str, method: str, allowed: str
) -> None:
    answer = await web.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.fixture
def callers(app: FastAPI, tmp_path: Path) -> None:
    """From here on the service asks who asks."""
    path = tmp_path / "callers.yaml"
    path.write_text(f"every: {{tokens: {TOKENS['every']}}}\none: {{tokens: {TOKENS['one']}, tenants: [{TENANT}]}}\n")
    app.state.access = Access(CallersFile(path), TenantLimits(None, None))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize("headers", [{}, bearer("wrong" * 10), {"authorization": TOKENS["every"]}], ids=str)
async def test_whoever_is_no_caller_is_refused_before_the_body_is_looked_at(
    web: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    for content in (b'{"number": 1}', b"{"):
        answer = await web.post("/double", content=content, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["error"]["code"] == "unauthorized"
        assert not any(part in answer.text for part in ("wrong", "xxx"))


@pytest.mark.usefixtures("callers")
async def test_a_caller_gets_answers_for_its_own_tenants_and_for_no_other(web: httpx.AsyncClient) -> None:
    for caller, tenant, status in [
        ("every", TENANT, 200),
        ("every", "other", 200),
        ("one", TENANT, 200),
        ("one", "other", 403),
        ("one", TENANT.upper(), 403),
        ("one", "", 403),
    ]:
        answer = await web.post("/double", json={"number": 1, "tenant_id": tenant}, headers=bearer(TOKENS[caller]))
        assert answer.status_code == status, (caller, tenant)
        assert status == 200 or answer.json()["error"]["code"] == "tenant_not_allowed"
        assert "xxx" not in answer.text


@pytest.mark.usefixtures("callers")
@pytest.mark.parametrize(("path", "status"), [("/metrics", 200), ("/openapi.json", 200), ("/nowhere", 404)])
async def test_what_is_no_decision_needs_no_token(web: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await web.get(path)).status_code == status


async def test_a_tenant_that_asks_too_often_is_told_when_to_ask_again(app: FastAPI, web: httpx.AsyncClient) -> None:
    app.state.access = Access(Anyone(), TenantLimits(0.01, None))
    assert (await web.post("/double", json={"number": 1})).status_code == 200
    answer = await web.post("/double", json={"number": 1})
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "too_many_requests"
    assert 90 < int(answer.headers["retry-after"]) <= 100
    assert (await web.post("/double", json={"number": 1, "tenant_id": "other"})).status_code == 200


async def test_a_tenant_with_too_many_requests_under_way_waits_for_one_to_end(
    app: FastAPI, web: httpx.AsyncClient
) -> None:
    app.state.access = Access(Anyone(), TenantLimits(None, 2))
    app.state.released.clear()
    asked = [asyncio.create_task(web.post("/double", json={"number": 1})) for _ in range(3)]
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    (refused,) = (task.result() for task in done)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    app.state.released.set()
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
    assert (await web.post("/double", json={"number": 1})).status_code == 200


async def test_refusals_are_counted_by_their_code(web: httpx.AsyncClient) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("oo_requests_refused_total", {"code": "not_found"}) or 0.0

    before = counted()
    await web.get("/nowhere")
    assert counted() == before + 1
