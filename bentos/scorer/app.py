"""The scorer's route: decode, one library call, encode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, Request

from oo.access.access import Access
from oo.decisions.score import Scorer, ScoreRequest, ScoreResponse
from oo.running import Running
from oo.telemetry import DECISION_SECONDS
from oo.web import ABOUT, TOKEN, DecisionRoute, RequestIdHeader, install, responses

_QUESTION = {
    "tenant_id": "example",
    "user_id": "ada",
    "candidates": [
        {"tip_id": "stretch", "features": {"topic": "move", "minutes": 2}},
        {"tip_id": "lights-out", "features": {"topic": "rest", "minutes": 5}},
    ],
    "profile_features": {"completion_rate": 0.6, "preferred_hour": 8, "tip_volume": 4},
    "context": {"hour_of_day": 21, "weekend": False},
}
_ANSWER = {
    "decision_id": "01a203bc-6513-762a-bd08-d7170f931563",
    "tip_id": "lights-out",
    "ranking": [
        {"tip_id": "lights-out", "score": 0.71, "probability": 0.95},
        {"tip_id": "stretch", "score": 0.64, "probability": 0.05},
    ],
    "propensity": 0.95,
    "policy": {"name": "epsilon_greedy", "version": "1"},
    "model": {"name": "tips", "version": "3"},
    "feature_service": "tips@1",
    # FastAPI leaves a null out of an example.
    "experiment": {"name": "exploration", "variant": "less"},
    "degraded": [],
}
_RESPONSES = responses(
    _ANSWER,
    unprocessable="`invalid_body`: it does not have this shape; `fields` says where. `invalid_feature`: a profile"
    " feature, or another one that the tenant's model reads, has the wrong type. `unknown_tenant`: no catalog declares"
    " the tenant.",
)


def create_app(
    connect: Callable[[], AbstractAsyncContextManager[Running[Scorer]]],
    access: Callable[[], Access],
    max_body_bytes: int,
) -> FastAPI:
    """The scorer as an ASGI app, open to those of `access` and connected for as long as its server runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.access = access()
        async with connect() as app.state.running:
            yield

    async def score(
        body: Annotated[ScoreRequest, Body(openapi_examples={"two tips": {"value": _QUESTION}})],
        request: Request,
        x_request_id: RequestIdHeader = None,
    ) -> ScoreResponse:
        """Which of these tips should this person see now?

        The choice is recorded before it is told. A retry with the same request id gets the first answer again.
        """
        running: Running[Scorer] = request.app.state.running
        with DECISION_SECONDS.labels("score").time():
            return await running.service.decide(body, x_request_id)

    app = FastAPI(title="oO scorer", description=ABOUT, version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.router.add_api_route(
        "/score",
        score,
        methods=["POST"],
        operation_id="score",
        summary="Choose a tip",
        responses=_RESPONSES,
        dependencies=[TOKEN],
        route_class_override=DecisionRoute,
    )
    install(app, max_body_bytes)
    return app
