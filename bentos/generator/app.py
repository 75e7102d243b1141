"""The generator's route: decode, one library call, encode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, Request

from oo.decisions.generate import GenerateRequest, GenerateResponse, TipWriter
from oo.running import Running
from oo.telemetry import DECISION_SECONDS
from oo.web import RESPONSES, DecisionRoute, install


def create_app(connect: Callable[[], AbstractAsyncContextManager[Running[TipWriter]]], max_body_bytes: int) -> FastAPI:
    """The generator as an ASGI app, connected for as long as its server runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with connect() as app.state.running:
            yield

    app = FastAPI(title="oO generator", version="1", lifespan=lifespan)
    install(app, max_body_bytes)

    async def generate(
        body: GenerateRequest, request: Request, x_request_id: Annotated[str | None, Header()] = None
    ) -> GenerateResponse:
        """Write this person a tip."""
        running: Running[TipWriter] = request.app.state.running
        with DECISION_SECONDS.labels("generate").time():
            return await running.service.generate(body, x_request_id)

    app.router.add_api_route(
        "/generate", generate, methods=["POST"], responses=RESPONSES, route_class_override=DecisionRoute
    )
    return app
