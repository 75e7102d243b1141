"""What /generate adds to its language model: the deployed generator beside the bare gateway, both before one endpoint.

The endpoint is a process that answers at once, so what is left of a call is LiteLLM's own work. The two are asked in
turn, one call after the other, by a process of its own: `python -m benchmarks.generating URL PORT REQUESTS`. So what
else the machine does slows down both alike.
"""

import asyncio
import gc
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import uvloop

from benchmarks.http_timing import Timing, measure
from oo.features.context import assemble
from oo.features.services import NO_VALUES
from oo.llm.litellm_gateway import LiteLLMGateway
from oo.llm.prices import Price
from oo.prompts.library import PromptLibrary
from oo.writing.order import Order
from tests.integration.generator_process import GeneratorProcess, generators
from tests.integration.nats_server import NatsServer
from tests.soak.model_endpoint import ModelEndpoint

REQUESTS = 200
CONNECTIONS = 8
PEOPLE = 20
MODEL, PRICE = "openai/tiny", Price(prompt=0.1, completion=0.4)


class Figures(NamedTuple):
    """How long calls took; those of the first two were made in turn."""

    gateway: Timing
    """The language model's call alone, one after the other."""
    written: Timing
    """/generate, each tip written by the model."""
    cached: Timing
    """/generate, each tip written before."""
    own: Timing
    """/generate without the model's call that it waited for, which the generator itself has timed."""


def figures() -> Figures:
    """Measure.

    Raises:
        AssertionError: a tip was not written by whom it should be.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, endpoint = Path(name), ModelEndpoint()
        server = NatsServer(folder / "jetstream", folder)
        server.start()
        endpoint.start()
        common = {
            "OO_NATS_URL": server.url,
            "OO_LLM_MODEL": MODEL,
            "OO_LLM_API_BASE": endpoint.url,
            "OO_LLM_PRICES": json.dumps({MODEL: PRICE.model_dump()}),
            # A timeout would count as a fast answer.
            "OO_LLM_TIMEOUT": "60",
        }
        try:
            with generators(folder, common | {"OO_TIP_CACHE_SECONDS": "0"}, common) as (writing, keeping):
                calls = _calls(endpoint.url, writing.port)
                rate = _timed(writing, "model").per_second
                cached = _timed(keeping, "cache")
        finally:
            endpoint.kill()
            server.stop()
    gateway, written, own = zip(*calls, strict=True)
    return Figures(
        gateway=_timing(gateway, 1 / statistics.fmean(gateway)),
        written=_timing(written, rate),
        cached=cached,
        own=_timing(own, 1 / statistics.fmean(own)),
    )


def _timing(seconds: Sequence[float], per_second: float) -> Timing:
    return Timing(
        p50_ms=statistics.median(seconds) * 1000,
        p99_ms=sorted(seconds)[int(len(seconds) * 0.99)] * 1000,
        per_second=per_second,
    )


def _body(number: int) -> bytes:
    return json.dumps({"tenant_id": "example", "user_id": f"user-{number % PEOPLE}"}).encode()


def _timed(generator: GeneratorProcess, written_by: str) -> Timing:
    timing = measure(generator.port, "/generate", _body, requests=REQUESTS, connections=CONNECTIONS)
    tips = {name: count for name, count in generator.metrics().items() if name.startswith("oo_tips_total")}
    others = sum(count for name, count in tips.items() if f'"{written_by}"' not in name)
    assert others <= PEOPLE, tips  # noqa: S101  # the first tip of each is written before it is kept
    return timing


def _calls(url: str, port: int) -> list[tuple[float, float, float]]:
    command = [sys.executable, "-m", "benchmarks.generating", url, str(port), str(REQUESTS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # our own
    return [(bare, whole, own) for bare, whole, own in json.loads(done.stdout)]


def _in_turn(loop: asyncio.Runner, url: str, port: int, requests: int) -> list[tuple[float, float, float]]:
    """Seconds of the gateway's call, of /generate, and of that without its model; a tenth of them go ahead untimed.

    The gateway is asked what /generate asks it for somebody of whom nothing is known.
    """
    gateway = LiteLLMGateway([MODEL], api_base=url, prices={MODEL: PRICE})
    loop.run(gateway.warm())
    order = Order(
        prompt=PromptLibrary.load().get("v1"),
        context=assemble(NO_VALUES, NO_VALUES),
        language="en",
        user_id="user",
        count=1,
        seed=1,
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    gc.freeze()  # as the generator does
    calls = []
    for number in range(requests + requests // 10):
        started = time.perf_counter()
        completion = loop.run(gateway.complete(order.request(number), timeout=60))
        bare = time.perf_counter() - started
        asked = _model_seconds(connection)  # right before, so that the server is as awake as under load
        started = time.perf_counter()
        answer = _post(connection, _body(number))
        whole = time.perf_counter() - started
        calls.append((bare, whole, whole - (_model_seconds(connection) - asked)))
        assert completion.text  # noqa: S101  # what fails must not count as fast
        assert answer["model"], answer  # noqa: S101  # the same
    loop.run(gateway.aclose())
    connection.close()
    return calls[requests // 10 :]


def _post(connection: http.client.HTTPConnection, body: bytes) -> dict[str, object]:
    connection.request("POST", "/generate", body, {"content-type": "application/json"})
    answer: dict[str, object] = json.loads(connection.getresponse().read())
    return answer


def _model_seconds(connection: http.client.HTTPConnection) -> float:
    """What the generator has waited for its model so far."""
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("oo_llm_seconds_sum")))


if __name__ == "__main__":
    # On the loop that the generator's server takes.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(_in_turn(runner, sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
