"""What both HTTP services share: who may ask, a limit on the body, one shape of error that repeats nothing sent."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_type_hints

from fastapi import FastAPI, Header, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field, ValidationError, WithJsonSchema
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oo.decisions.http import HttpModel
from oo.errors import (
    DecisionConflict,
    InvalidFeature,
    OOError,
    RehearsedFault,
    RetiredPromptVersion,
    TenantNotAllowed,
    TooManyRequests,
    Unauthorized,
    UnknownPromptVersion,
    UnknownTenant,
)
from oo.telemetry import REFUSED, exposition

if TYPE_CHECKING:
    from oo.access.access import Access

MOST_FAULTS = 20
LONGEST_FIELD = 200

ErrorCode = Literal[
    "body_too_large",
    "decision_conflict",
    "internal_server_error",
    "invalid_body",
    "invalid_feature",
    "method_not_allowed",
    "not_found",
    "retired_prompt_version",
    "tenant_not_allowed",
    "too_many_requests",
    "unauthorized",
    "unknown_prompt_version",
    "unknown_tenant",
    "unsupported_media_type",
]


class FieldFault(HttpModel):
    """What is wrong with one field of the body."""

    field: Annotated[str, Field(max_length=LONGEST_FIELD)]
    """The way to it, such as `candidates.0.tip_id`, cut to its first characters when longer; `body` is all of it."""
    message: str


class ErrorDetail(HttpModel):
    """What went wrong."""

    code: ErrorCode
    """For a program: what a caller may act on."""
    message: str
    """For a person: names the thing and, where there is one, the remedy. Its words may change."""
    fields: Annotated[list[FieldFault], Field(max_length=MOST_FAULTS)]
    """The first faults of an `invalid_body`; else empty."""


class ErrorBody(HttpModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


class Refusal(NamedTuple):
    """How a refusal goes over HTTP."""

    status: int
    code: ErrorCode


REFUSALS: dict[type[OOError], Refusal] = {
    DecisionConflict: Refusal(409, "decision_conflict"),
    InvalidFeature: Refusal(422, "invalid_feature"),
    RehearsedFault: Refusal(500, "internal_server_error"),
    RetiredPromptVersion: Refusal(410, "retired_prompt_version"),
    TenantNotAllowed: Refusal(403, "tenant_not_allowed"),
    TooManyRequests: Refusal(429, "too_many_requests"),
    Unauthorized: Refusal(401, "unauthorized"),
    UnknownPromptVersion: Refusal(422, "unknown_prompt_version"),
    UnknownTenant: Refusal(422, "unknown_tenant"),
}
# What this module raises as HTTPException.
_CODES: dict[int, ErrorCode] = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}


def _answer(
    status: int,
    code: ErrorCode,
    message: str,
    fields: Sequence[FieldFault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    REFUSED.labels(code).inc()
    body = ErrorBody(error=ErrorDetail(code=code, message=message, fields=list(fields)))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def _invalid_body(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class alone
    fields = [FieldFault(field=_field(fault), message=fault["msg"]) for fault in error.errors()[:MOST_FAULTS]]
    named = ", ".join(dict.fromkeys(fault.field for fault in fields))
    return _answer(422, "invalid_body", f"the body does not fit at: {named}", fields)


def _field(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":  # its location is an offset
        return "body"
    return ".".join(str(part) for part in fault["loc"] if part != "body")[:LONGEST_FIELD] or "body"


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    return _answer(error.status_code, _CODES[error.status_code], error.detail, headers=error.headers)


def _internal_error(_: Request, __: Exception) -> JSONResponse:
    # The server logs the error itself.
    return _answer(500, "internal_server_error", "the service failed; its log says why")


def _refusal(refusal: Refusal) -> Callable[[Request, Exception], JSONResponse]:
    return lambda _, error: _answer(refusal.status, refusal.code, str(error), headers=_headers(error))


def _headers(error: Exception) -> Mapping[str, str] | None:
    match error:
        case Unauthorized():
            return {"www-authenticate": "Bearer"}
        case TooManyRequests(seconds=seconds):
            return {"retry-after": str(seconds)}
    return None


class BodyLimit:
    """Refuses a body over the limit with 413, whether or not it tells its length.

    A sender hears nothing when the connection closes on it, so what is over the limit is read and thrown away, up to
    ten times the limit; only then the connection closes.
    """

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
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size <= self._max_bytes:
                chunks.append(chunk)
            elif size > 10 * self._max_bytes:
                break
        if size > self._max_bytes:
            # What is still to come would be read as the next request.
            await self._refusal({"connection": "close"} if more else {})(scope, receive, send)
        else:
            await self._app(scope, self._replay(b"".join(chunks), receive), send)

    def _refusal(self, headers: Mapping[str, str]) -> ASGIApp:
        message = f"the body is over the limit of {self._max_bytes} bytes"
        return _answer(413, "body_too_large", message, headers=headers)

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

    Who asks is known before the body is parsed, and then held to the limits of the tenant that the body names. The
    app's `state.access` says both.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        endpoint = self.endpoint
        body_type: type[Any] = get_type_hints(endpoint)["body"]

        async def handle(request: Request) -> Response:
            headers = request.headers
            access: Access = request.app.state.access
            caller = access.callers.of(headers.get("authorization"))
            _check_is_json(headers.get("content-type", ""), headers.get("content-encoding", "identity"))
            try:
                body = body_type.model_validate_json(await request.body())
            except ValidationError as error:
                raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error
            caller.check(body.tenant_id)
            with access.limits.room_for(body.tenant_id):
                answer: BaseModel = await endpoint(body, request, headers.get("x-request-id"))
            return Response(answer.model_dump_json(), media_type="application/json")

        return handle


def _check_is_json(content_type: str, content_encoding: str) -> None:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "the body must be JSON; send it with content-type: application/json")
    if content_encoding.strip().lower() != "identity":
        raise HTTPException(415, "the body must not be compressed", headers={"accept-encoding": "identity"})


async def _metrics() -> Response:
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)


class _Elsewhere(BaseRoute):
    """Answers what no other route does, so that a server around the app adds no pages and no errors of its own."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, _: Receive, __: Send) -> None:
        routes: Iterable[BaseRoute] = scope["app"].routes
        known = [route for route in routes if route.matches(scope)[0] is Match.PARTIAL]
        methods = sorted(method for route in known if isinstance(route, Route) for method in route.methods or ())
        if methods:
            raise HTTPException(405, "this path has no such method", headers={"allow": ", ".join(methods)})
        raise HTTPException(404, "there is no such path")


def install(app: FastAPI, max_body_bytes: int) -> None:
    """Give `app`, which has its routes by now, the error shape, the body limit and the /metrics of oO's services."""
    app.add_api_route("/metrics", _metrics, include_in_schema=False)
    app.router.routes.append(_Elsewhere())
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.add_exception_handler(RequestValidationError, _invalid_body)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _internal_error)
    for kind, refusal in REFUSALS.items():
        app.add_exception_handler(kind, _refusal(refusal))


ABOUT = """Bodies are JSON in snake_case; unknown fields are refused.

Every answer that is not a success has the body `{"error": {…}}`, also the 404 of another path and the 405 of another
method. It names fields, tenants and prompt versions, and repeats nothing else that was sent.

`/livez`, `/readyz` and `/metrics` are for those who run the service, and no part of this contract; like this document
they need no token."""
TOKEN = Security(
    HTTPBearer(
        scheme_name="callerToken",
        description="A token of the caller's entry in the deployment's callers file; a deployment may do without.",
    )
)
RequestIdHeader = Annotated[
    str | None,
    Header(description="A UUID that names the decision, when `request_id` does not. Anything but a UUID is ignored."),
    WithJsonSchema({"type": "string"}),
]


def responses(
    answer: Mapping[str, object], unprocessable: str, more: Mapping[int, str] | None = None
) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of each status of a decision.

    Args:
        answer: an example of a success.
        unprocessable: the codes of a 422, in a sentence.
        more: what the service's own further statuses mean.
    """
    refusals = {
        401: "`unauthorized`: no token of a caller came along.",
        403: "`tenant_not_allowed`: the caller may not ask for this tenant.",
        409: "`decision_conflict`: the request id already names another decision.",
        413: "`body_too_large`: the deployment says how long a body may be, 400,000 bytes unless it was set.",
        415: "`unsupported_media_type`: the body is sent as something else than JSON, or compressed.",
        422: unprocessable,
        429: "`too_many_requests`: the tenant asks more than this process answers it.",
        500: "`internal_server_error`: a fault of the service; its log says why.",
        **(more or {}),
    }
    told: dict[int | str, dict[str, Any]] = {
        200: {"description": "The recorded decision.", "content": {"application/json": {"example": answer}}}
    }
    told |= {status: {"model": ErrorBody, "description": text} for status, text in sorted(refusals.items())}
    told[401]["headers"] = {"www-authenticate": {"schema": {"const": "Bearer"}}}
    seconds = {"type": "integer", "minimum": 1}
    told[429]["headers"] = {"retry-after": {"description": "Seconds until the next try.", "schema": seconds}}
    return told
