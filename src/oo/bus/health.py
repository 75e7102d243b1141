"""What Kubernetes and Prometheus ask of a consumer process."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI, Response, status
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from oo.events.subjects import Durable
from oo.telemetry import exposition


class Checked(Protocol):
    """A consumer, as far as its health goes."""

    @property
    def durable(self) -> Durable:
        """Whose it is."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it can still recover by itself."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it consumes."""
        ...


def health_app(consumers: Sequence[Checked]) -> FastAPI:
    """An ASGI app with /livez, /readyz (200, or 503 and the durables that are not) and /metrics."""
    app = FastAPI(openapi_url=None)

    @app.get("/livez")
    async def livez() -> JSONResponse:
        return _verdict([c.durable.name for c in consumers if not c.alive])

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        return _verdict([c.durable.name for c in consumers if not c.ready])

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(), media_type=CONTENT_TYPE_LATEST)

    return app


def _verdict(failing: list[str]) -> JSONResponse:
    healthy = status.HTTP_503_SERVICE_UNAVAILABLE if failing else status.HTTP_200_OK
    return JSONResponse({"failing": failing}, status_code=healthy)
