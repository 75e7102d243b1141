"""The generator's route: decode, one library call, encode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, Request

from oo.access.access import Access
from oo.decisions.generate import TipWriter
from oo.decisions.generate_http import GenerateRequest, GenerateResponse
from oo.running import Running
from oo.telemetry import DECISION_SECONDS
from oo.web import ABOUT, TOKEN, DecisionRoute, RequestIdHeader, install, responses

_QUESTION = {
    "tenant_id": "example",
    "user_id": "ada",
    "profile_features": {"completion_rate": 0.6, "goal": "rest"},
    "topic": "rest",
    "locale": "en",
}
_DECISION = "01a203bc-6513-762a-bd08-d7170f931563"
_ANSWER: dict[str, object] = {
    "decision_id": _DECISION,
    "tip": {
        "tip_id": f"tip-{_DECISION}",
        "title": "Dim the lights at nine",
        "body": "Turn off the big lamp now. A darker room makes it easier to go to bed on time.",
        "language": "en",
        "topic": "rest",
    },
    "alternatives": [],
    "prompt_version": "v2",
    "experiment": {"name": "wording", "variant": "short"},
    "model": {"name": "gpt-5-mini", "version": ""},
    "cached": False,
    "usage": {"prompt_tokens": 312, "completion_tokens": 41, "cost_usd": 0.00016},
    "degraded": [],
}
_RESPONSES = responses(
    _ANSWER,
    unprocessable="`invalid_body`: it does not have this shape; `fields` says where. `invalid_feature`: a profile"
    " feature has the wrong type. `unknown_tenant`: no catalog declares the tenant. `unknown_prompt_version`: it is"
    " not released; the message lists those that may be used.",
    more={410: "`retired_prompt_version`: it is used no more; the message says why and lists those that may be used."},
)


def create_app(
    connect: Callable[[], AbstractAsyncContextManager[Running[TipWriter]]],
    access: Callable[[], Access],
    max_body_bytes: int,
) -> FastAPI:
    """The generator as an ASGI app, open to those of `access` and connected for as long as its server runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.access = access()
        async with connect() as app.state.running:
            yield

    async def generate(
        body: Annotated[GenerateRequest, Body(openapi_examples={"a tip about rest": {"value": _QUESTION}})],
        request: Request,
        x_request_id: RequestIdHeader = None,
    ) -> GenerateResponse:
        """Write this person a tip.

        Whatever fails on the way, the answer is a tip: at worst the prompt's own, and `degraded` says why.
        The decision is recorded before it is told. A retry with the same request id gets the first answer again.
        """
        running: Running[TipWriter] = request.app.state.running
        with DECISION_SECONDS.labels("generate").time():
            return await running.service.generate(body, x_request_id)

    app = FastAPI(
        title="oO generator", description=ABOUT, version="1", lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.router.add_api_route(
        "/generate",
        generate,
        methods=["POST"],
        operation_id="generate",
        summary="Write a tip",
        responses=_RESPONSES,
        dependencies=[TOKEN],
        route_class_override=DecisionRoute,
    )
    install(app, max_body_bytes)
    return app
