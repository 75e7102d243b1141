import nats.errors
import pytest
from nats.js.errors import APIError, BadRequestError, NotFoundError, ServiceUnavailableError

from oo.bus.outage import is_outage


@pytest.mark.parametrize(
    "error",
    [
        nats.errors.TimeoutError(),
        nats.errors.ConnectionClosedError(),
        nats.errors.NoRespondersError(),
        ConnectionRefusedError(),
        NotFoundError(code=404, description="stream not found"),
        ServiceUnavailableError(code=503, description="insufficient resources"),
        APIError(description="no code"),
    ],
)
def test_a_server_that_cannot_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("unreadable"),
        nats.errors.MaxPayloadError(),
        BadRequestError(code=400, description="message size exceeds maximum allowed"),
    ],
)
def test_a_refusal_of_what_was_asked_is_none(error: Exception | None) -> None:
    assert not is_outage(error)
