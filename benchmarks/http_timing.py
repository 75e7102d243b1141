"""Timing of one path of one server, from outside."""

import http.client
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How long requests took at one connection, and how many a second several connections got."""

    p50_ms: float
    p99_ms: float
    per_second: float


def measure(port: int, path: str, body: Callable[[int], bytes], *, requests: int, connections: int) -> Timing:
    """Time `requests` requests one after the other, then as many over several connections.

    Args:
        port: on 127.0.0.1.
        path: what to POST to.
        body: the body of the n-th request.
        requests: of each of the two runs; a tenth of them goes ahead untimed.
        connections: of the second run.

    Raises:
        AssertionError: an answer was not a success; a failed request must not count as a fast one.
    """
    _run(port, path, body, range(requests // 10))
    latencies = sorted(_run(port, path, body, range(requests)))
    shares = [range(start, requests, connections) for start in range(connections)]
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(lambda numbers: _run(port, path, body, numbers), shares))
    return Timing(
        p50_ms=statistics.median(latencies) * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
        per_second=requests / (time.perf_counter() - started),
    )


def _run(port: int, path: str, body: Callable[[int], bytes], numbers: Sequence[int]) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    latencies = []
    for number in numbers:
        data = body(number)
        started = time.perf_counter()
        connection.request("POST", path, data, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        latencies.append(time.perf_counter() - started)
        assert answer.status == http.HTTPStatus.OK, content  # noqa: S101  # see the docstring
    connection.close()
    return latencies
