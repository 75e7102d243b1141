import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from oo.llm.litellm_gateway.bounded_http import BoundedTransport, at_most


class _Answer(httpx.AsyncByteStream):
    """A hundred pieces of ten bytes."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(100):
            self.read += 10
            yield b"0123456789"

    async def aclose(self) -> None:
        self.closed = True


def _client(answer: httpx.Response) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=BoundedTransport(httpx.MockTransport(lambda _: answer)), base_url="http://model")


async def test_an_answer_over_its_allowance_is_read_no_further_and_closed() -> None:
    answer = _Answer()

    with at_most(500) as allowance, pytest.raises(httpx.DecodingError, match="over its allowance"):
        await _client(httpx.Response(200, stream=answer)).get("/")

    assert (answer.read, answer.closed, allowance.exceeded) == (510, True, True)


async def test_an_answer_of_just_its_allowance_is_read_to_its_end() -> None:
    answer = _Answer()

    with at_most(1000) as allowance:
        response = await _client(httpx.Response(200, stream=answer)).get("/")

    assert (len(response.content), answer.closed, allowance.exceeded) == (1000, True, False)


async def test_all_answers_of_a_call_share_its_allowance_and_calls_do_not() -> None:
    for _ in range(2):
        with at_most(1500):
            await _client(httpx.Response(200, stream=_Answer())).get("/")
            with pytest.raises(httpx.DecodingError, match="over its allowance"):
                await _client(httpx.Response(200, stream=_Answer())).get("/")


async def test_a_compressed_answer_is_asked_for_by_nobody_and_not_unpacked() -> None:
    asked: list[str] = []

    def compressed(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(bytes(10_000_000)))

    client = httpx.AsyncClient(transport=BoundedTransport(httpx.MockTransport(compressed)), base_url="http://model")
    with at_most(1_000_000), pytest.raises(httpx.DecodingError, match="compressed"):
        await client.get("/")

    assert asked == ["identity"]


async def test_a_request_that_nobody_bounded_is_not_sent() -> None:
    with pytest.raises(LookupError):
        await _client(httpx.Response(200)).get("/")
