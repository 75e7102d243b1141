"""What both HTTP services share: one shape of error, a limit on the body, and no answer that repeats what was sent."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, get_type_hints

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oo.errors import DecisionConflict, InvalidFeature, OOError, UnknownPromptVersion, UnknownTenant


class FieldFault(BaseModel):
    """What is wrong with one field of the body."""

    field: str
    message: str


class ErrorDetail(BaseModel):
    """What went wrong, for a program (`code`) and for a person (`message`)."""

    code: str
    message: str
    fields: list[FieldFault] = []


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


# One table: which refusal has which status and code.
REFUSALS: dict[type[OOError], tuple[int, str]] = {
    DecisionConflict: (409, "decision_conflict"),
    InvalidFeature: (422, "invalid_feature"),
    UnknownPromptVersion: (422, "unknown_prompt_version"),
    UnknownTenant: (422, "unknown_tenant"),
}


def _answer(status: int, code: str, message: str, fields: Sequence[FieldFault] = ()) -> JSONResponse:
    body = ErrorBody(error=ErrorDetail(code=code, message=message, fields=list(fields)))
    return JSONResponse(body.model_dump(), status_code=status)


def _invalid_body(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class alone
    fields = [FieldFault(field=_field(fault), message=fault["msg"]) for fault in error.errors()]
    named = ", ".join(dict.fromkeys(fault.field for fault in fields))
    return _answer(422, "invalid_body", f"the body does not fit at: {named}", fields)


def _field(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":  # its location is an offset
        return "body"
    return ".".join(str(part) for part in fault["loc"] if part != "body") or "body"


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    return _answer(error.status_code, "http_error", str(error.detail))


def _refusal(status: int, code: str) -> Callable[[Request, Exception], JSONResponse]:
    return lambda _, error: _answer(status, code, str(error))


class BodyLimit:
    """Refuses a body over the limit with 413 before it is read whole, whether or not it tells its length."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 or hand the body on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            more = message.get("more_body", False)
            if size > self._max_bytes:
                refusal = _answer(413, "body_too_large", f"the body is over the limit of {self._max_bytes} bytes")
                refusal.headers["connection"] = "close"
                await refusal(scope, receive, send)
                return
        await self._app(scope, self._replay(b"".join(chunks), receive), send)

    @staticmethod
    def _replay(body: bytes, receive: Receive) -> Receive:
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return pending.pop() if pending else await receive()

        return replayed


class DecisionRoute(APIRoute):
    """A route whose endpoint takes `(body, request, x_request_id)`, documented by FastAPI and decoded here.

    FastAPI parses JSON into Python, solves the dependencies of each request and then validates; pydantic does both at
    once from the bytes, in a third of the time.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        endpoint = self.endpoint
        body_type: type[BaseModel] = get_type_hints(endpoint)["body"]

        async def handle(request: Request) -> Response:
            try:
                body = body_type.model_validate_json(await request.body())
            except ValidationError as error:
                raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
            answer: BaseModel = await endpoint(body, request, request.headers.get("x-request-id"))
            return Response(answer.model_dump_json(), media_type="application/json")

        return handle


async def _metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def install(app: FastAPI, max_body_bytes: int) -> None:
    """Give `app` the error shape, the body limit and the /metrics of oO's services."""
    app.add_api_route("/metrics", _metrics, include_in_schema=False)
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.add_exception_handler(RequestValidationError, _invalid_body)
    app.add_exception_handler(HTTPException, _http_error)
    for refusal, (status, code) in REFUSALS.items():
        app.add_exception_handler(refusal, _refusal(status, code))


RESPONSES: dict[int | str, dict[str, Any]] = {status: {"model": ErrorBody} for status in (409, 413, 422)}
