"""The scorer's route: decode, one library call, encode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request

from oo.decisions.score import Scorer, ScoreRequest, ScoreResponse
from oo.running import Running
from oo.telemetry import DECISION_SECONDS
from oo.web import RESPONSES, DecisionRoute, install


def create_app(connect: Callable[[], AbstractAsyncContextManager[Running[Scorer]]], max_body_bytes: int) -> FastAPI:
    """The scorer as an ASGI app, connected for as long as its server runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connect() as app.state.running:
            yield

    app = FastAPI(title="oO scorer", version="1", lifespan=lifespan, openapi_url="/openapi.json")
    install(app, max_body_bytes)

    async def score(
        body: ScoreRequest, request: Request, x_request_id: Annotated[str | None, Header()] = None
    ) -> ScoreResponse:
        """Which of these tips should this person see now?"""
        running: Running[Scorer] = request.app.state.running
        with DECISION_SECONDS.labels("score").time():
            return await running.service.decide(body, x_request_id)

    app.router.add_api_route("/score", score, methods=["POST"], responses=RESPONSES, route_class_override=DecisionRoute)
    return app
