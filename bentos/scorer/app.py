"""The scorer's route: decode, one library call, encode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request

from oo.decisions.score import Scorer, ScoreRequest, ScoreResponse
from oo.running import Running
from oo.web import RESPONSES, install


def create_app(connect: Callable[[], AbstractAsyncContextManager[Running[Scorer]]], max_body_bytes: int) -> FastAPI:
    """The scorer as an ASGI app, connected for as long as its server runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connect() as app.state.running:
            yield

    app = FastAPI(title="oO scorer", version="1", lifespan=lifespan, openapi_url="/openapi.json")
    install(app, max_body_bytes)

    @app.post("/score", responses=RESPONSES)
    async def score(
        body: ScoreRequest, request: Request, x_request_id: Annotated[str | None, Header()] = None
    ) -> ScoreResponse:
        """Which of these tips should this person see now?"""
        running: Running[Scorer] = request.app.state.running
        return await running.service.decide(body, x_request_id)

    return app
