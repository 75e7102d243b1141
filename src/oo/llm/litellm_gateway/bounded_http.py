"""HTTP answers that are read no further than whoever asked allows: memory and time are spent on no more than that."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx


@dataclass(slots=True)
class Allowance:
    """How much of the answers to the requests of one call may be read."""

    left: int
    """Bytes; below 0 when there was more of them."""

    @property
    def exceeded(self) -> bool:
        """Whether reading was given up for the length."""
        return self.left < 0


_allowance: ContextVar[Allowance] = ContextVar("oo_llm_allowance")


@contextmanager
def at_most(size: int) -> Iterator[Allowance]:
    """Read at most `size` bytes in all of what is answered to requests that begin in this context."""
    allowance = Allowance(size)
    token = _allowance.set(allowance)
    try:
        yield allowance
    finally:
        _allowance.reset(token)


class BoundedTransport(httpx.AsyncBaseTransport):
    """Breaks off an answer that is over its allowance, and takes no compressed ones, whose size nobody knows ahead.

    Args:
        transport: what sends the requests, within `at_most` only: else a LookupError says where that was forgotten.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As in httpx.

        Raises:
            httpx.DecodingError: the answer is compressed, or, while it is read, over its allowance.
        """
        allowance = _allowance.get()
        request.headers["accept-encoding"] = "identity"
        response = await self._transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  # as httpx asks of a transport
        response.stream = _Bounded(response.stream, allowance)
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            await response.aclose()
            raise httpx.DecodingError("the answer is compressed, though it was asked for as it is", request=request)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, allowance: Allowance) -> None:
        self._stream = stream
        self._allowance = allowance

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._allowance.left -= len(chunk)
            if self._allowance.exceeded:
                raise httpx.DecodingError("the answer is over its allowance")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
