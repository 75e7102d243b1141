"""Telling a server that cannot from one that will not."""

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.js.errors import APIError

_NOT_FOUND, _SERVER_ERROR = 404, 500


def is_outage(error: BaseException | None) -> bool:
    """Whether the bus is away, overloaded or not set up, so that anything else would have failed as well.

    A refusal of just what it was asked, such as a document that is too large, is none.
    """
    if isinstance(error, APIError):
        return error.code is None or error.code == _NOT_FOUND or error.code >= _SERVER_ERROR
    return isinstance(error, NatsError | OSError) and not isinstance(error, MaxPayloadError)
