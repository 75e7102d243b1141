"""Both services as a stack runs them: their OpenAPI documents, and requests that fit no document."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from oo.decisions.score import MOST_CANDIDATES
from oo.local.settings import StackSettings
from oo.web import ErrorBody
from scripts import api_docs
from tests.integration.waiting import until

TENANT = "example"
SERVICES = ("scorer", "generator")
PATHS = {"scorer": "/score", "generator": "/generate"}
QUESTIONS: dict[str, dict[str, Any]] = {
    "scorer": {"tenant_id": TENANT, "user_id": "hostile", "candidates": [{"tip_id": "stretch"}]},
    "generator": {"tenant_id": TENANT, "user_id": "hostile"},
}
JSON = {"content-type": "application/json"}
SENT = "rosebud"
"""Stands in whatever is wrong, and in no answer."""


@pytest.fixture(params=SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _url(stack: StackSettings, name: str) -> str:
    port = stack.scorer_stable_port if name == "scorer" else stack.generator_port
    return f"http://127.0.0.1:{port}"


@pytest.fixture
async def service(running_stack: StackSettings, name: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=_url(running_stack, name), timeout=30) as client:
        yield client


async def test_the_served_document_is_the_exported_one(service: httpx.AsyncClient, name: str) -> None:
    exported = (api_docs.FOLDER / f"{name}.openapi.json").read_text(encoding="utf-8")
    assert (await service.get("/openapi.json")).json() == json.loads(exported)


async def test_the_example_in_the_document_is_answered_in_full(service: httpx.AsyncClient, name: str) -> None:
    document = (await service.get("/openapi.json")).json()
    examples = document["paths"][PATHS[name]]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():

        async def answered_in_full(body: object = example["value"]) -> bool:
            answer = await service.post(PATHS[name], json=body)
            assert answer.status_code == 200, answer.text
            missing = answer.json()["degraded"]
            assert set(missing) <= {"online_store"}, missing  # on a busy machine a read may take more than its 50 ms
            return not missing

        await until(answered_in_full)


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """In the one shape of error, without what was sent."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = ErrorBody.model_validate_json(answer.content)
    assert body.error.code == code
    assert bool(body.error.fields) == (code == "invalid_body")
    assert SENT not in answer.text


def with_feature(value: bytes) -> bytes:
    """A body whose only fault can be this feature."""
    return b'{"tenant_id": "example", "user_id": "u", "candidates": [{"tip_id": "t"}], "profile_features": {"f": ' + (
        value + b"}}"
    )


DEPTH = 10_000
HUGE = 10**400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"user_id": "\xff\xfe rosebud"}', id="not UTF-8"),
        pytest.param(json.dumps({"user_id": SENT}).encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"user_id": "rosebud"}', id="byte order mark"),
        pytest.param(b'{"user_id": "rosebud"', id="not closed"),
        pytest.param(b'{"user_id": rosebud}', id="not quoted"),
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"rosebud"', id="text"),
        pytest.param(b"[" * DEPTH + b"]" * DEPTH, id="deep"),
        pytest.param(with_feature(b"[" * DEPTH + b"]" * DEPTH), id="deep feature"),
        pytest.param(with_feature(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH), id="deep object"),
        pytest.param(with_feature(b"1e400"), id="over a double"),
        pytest.param(with_feature(str(HUGE).encode()), id="huge integer"),
        pytest.param(with_feature(b"9" * 100_000), id="100,000 digits"),
        pytest.param(with_feature(b"NaN"), id="NaN"),
        pytest.param(with_feature(b"-Infinity"), id="minus infinity"),
        pytest.param(with_feature(b'"\\ud800 rosebud"'), id="lone surrogate"),
        pytest.param(b'{"\\udfff rosebud": 1}', id="lone surrogate in a name"),
        pytest.param(json.dumps({"tenant_id": TENANT, "user_id": f"{SENT}\0"}).encode(), id="NUL in an id"),
        pytest.param(json.dumps({"tenant_id": TENANT, "user_id": SENT * 40}).encode(), id="long id"),
        pytest.param(json.dumps({"x" * 300_000: SENT}).encode(), id="long name"),
        pytest.param(json.dumps({str(n): SENT for n in range(10_000)}).encode(), id="10,000 faults"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_without_its_content(
    service: httpx.AsyncClient, name: str, body: bytes
) -> None:
    answer = await service.post(PATHS[name], content=body, headers=JSON)
    assert_refused(answer, 422, "invalid_body")
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "candidates",
    [
        pytest.param([{"tip_id": str(n)} for n in range(MOST_CANDIDATES + 1)], id="1,001 candidates"),
        pytest.param([{"tip_id": SENT}] * 2, id="one twice"),
        pytest.param([{"tip_id": f"{SENT}\0"}], id="NUL in an id"),
        pytest.param([], id="none"),
    ],
)
@pytest.mark.parametrize("name", ["scorer"])
async def test_candidates_between_which_nothing_can_choose_are_refused(
    service: httpx.AsyncClient, candidates: list[dict[str, str]]
) -> None:
    answer = await service.post("/score", json=QUESTIONS["scorer"] | {"candidates": candidates})
    assert_refused(answer, 422, "invalid_body")


@pytest.mark.parametrize("name", ["scorer"])
async def test_as_many_candidates_as_are_allowed_are_ranked(service: httpx.AsyncClient) -> None:
    candidates = [{"tip_id": f"{n} {'é' * 100}"} for n in range(MOST_CANDIDATES)]
    answer = await service.post("/score", json=QUESTIONS["scorer"] | {"candidates": candidates})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["ranking"]) == MOST_CANDIDATES
    assert answer.json()["degraded"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=rosebud"},
        {"content-type": "application/json-rosebud"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "rosebud"},
    ],
    ids=str,
)
async def test_what_is_not_sent_as_plain_json_is_refused(
    service: httpx.AsyncClient, name: str, headers: dict[str, str]
) -> None:
    body = json.dumps(QUESTIONS[name]).encode()
    packed = gzip.compress(body) if headers.get("content-encoding") == "gzip" else body
    answer = await service.post(PATHS[name], content=packed, headers=headers)
    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_a_body_in_chunks_is_answered_like_any_other(
    service: httpx.AsyncClient, name: str, content_type: str
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for byte in json.dumps(QUESTIONS[name]).encode():
            yield bytes([byte])

    answer = await service.post(PATHS[name], content=chunks(), headers={"content-type": content_type})
    assert answer.status_code == 200, answer.text


async def test_a_body_over_the_limit_is_refused_also_when_it_comes_in_chunks(
    service: httpx.AsyncClient, name: str
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield SENT.encode() * 1000

    assert_refused(await service.post(PATHS[name], content=chunks(), headers=JSON), 413, "body_too_large")


async def test_of_a_repeated_name_the_last_counts(service: httpx.AsyncClient, name: str) -> None:
    question = json.dumps(QUESTIONS[name])
    twice = '{"tenant_id": "rosebud", ' + question.removeprefix("{")
    answer = await service.post(PATHS[name], content=twice, headers=JSON)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"rosebud", id="text"),
        pytest.param(b"rosebud" * 1000, id="long"),
        pytest.param(b"\xff\xfe\x80", id="not ASCII"),
        pytest.param("٣".encode() * 16, id="digits of another script"),
        pytest.param(b"{00000000-0000-0000-0000-00000000000g}", id="almost a UUID"),
    ],
)
async def test_an_x_request_id_that_is_no_uuid_names_nothing(
    service: httpx.AsyncClient, name: str, junk: bytes
) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", junk)]
    ids = {
        (await service.post(PATHS[name], json=QUESTIONS[name], headers=headers)).json()["decision_id"] for _ in range(2)
    }
    assert len(ids) == 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_another_method_is_refused_and_told_the_right_one(
    service: httpx.AsyncClient, name: str, method: str
) -> None:
    answer = await service.request(method, PATHS[name])
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    if method == "HEAD":
        assert not answer.content
    else:
        assert_refused(answer, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs.json", "/rosebud", "{}/", "/{}", "{}/rosebud", "/%00", "/%2e%2e/%ff"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_path_that_is_not_there_is_not_found(
    service: httpx.AsyncClient, name: str, method: str, path: str
) -> None:
    assert_refused(await service.request(method, path.format(PATHS[name])), 404, "not_found")
