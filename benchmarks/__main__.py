"""`make bench`: what each hot path costs beside the least that it could cost, in one run.

/score beside a bare ASGI echo, /generate beside the bare gateway, consumers beside fetching and acknowledging alone,
reading an event beside json.loads, and how time and memory of a dataset and of a training grow with its rows.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
from rich.console import Console
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]  # scikit-learn ships no types

from benchmarks import assembling, consuming, decoding, generating, training
from benchmarks.http_timing import Timing, measure
from oo import catalog as catalogs
from oo.events.codec import decode
from oo.features.services import FeatureService
from oo.local import stack
from oo.local.locations import pipeline_settings
from oo.local.processes import Process, processes
from oo.local.settings import PROJECT_DIR, StackSettings
from oo.printing import columns
from oo.registry.mlflow_registry import MlflowRegistry
from oo.registry.registry import CHAMPION
from oo.settings import PipelineSettings
from oo.training.export import to_onnx

CANDIDATES = 50
TREES = 200
REQUESTS = 2_000
CONNECTIONS = 8
PATIENCE = 60.0
_MEASURED = ("nats", "mlflow", "bootstrap", "scorer-stable")
TOPICS = ("move", "rest", "focus", "food", "people")


def score_body(number: int) -> bytes:
    """A request for one of the 50 tips, about 5 kB."""
    rng = np.random.default_rng(number)
    candidates = [
        {"tip_id": f"tip-{k:02d}", "features": {"topic": TOPICS[k % 5], "minutes": int(rng.integers(1, 60))}}
        for k in range(CANDIDATES)
    ]
    body = {
        "request_id": str(uuid.uuid4()),
        "tenant_id": "example",
        "user_id": f"user-{number % 100}",
        "candidates": candidates,
        "profile_features": {"completion_rate": float(rng.random()), "preferred_hour": 8, "tip_volume": 4},
        "context": {"hour_of_day": 9, "weekend": False},
    }
    return json.dumps(body).encode()


def promote_trees(settings: PipelineSettings, service: FeatureService) -> str:
    """Make boosted trees the champion, fitted on noise: what is timed is their size, not what they know."""
    rng = np.random.default_rng(0)
    rows = rng.random((2_000, service.width), dtype=np.float32)
    trees = HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False, random_state=0)
    trees.fit(rows, rng.random(2_000) < rows[:, 0])
    registry = MlflowRegistry(settings.mlflow_url)
    version = registry.register(
        service.model,
        to_onnx(trees, service),
        feature_service=service.name,
        feature_digest=service.digest,
        files={},
        tags={"recipe": "benchmark"},
    )
    registry.set_alias(service.model, CHAMPION, version.version)
    return str(version.version)


@contextmanager
def echo() -> Iterator[int]:
    """A bare ASGI echo under uvicorn, one worker; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.echo:app", "--port", str(port), "--no-access-log"]
    with subprocess.Popen([*command, "--log-level", "error"], cwd=PROJECT_DIR) as server:  # noqa: S603  # our own
        try:
            _until_answered(port)
            yield port
        finally:
            server.terminate()


def _until_answered(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port}")
        time.sleep(0.05)


def _until_served(port: int, version: str) -> None:
    deadline = time.monotonic() + PATIENCE
    headers = {"content-type": "application/json"}
    while True:
        answer = httpx.post(f"http://127.0.0.1:{port}/score", content=score_body(0), headers=headers)
        if answer.raise_for_status().json()["model"]["version"] == version:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the scorer does not serve version {version}")
        time.sleep(0.1)


def _measured(settings: StackSettings) -> list[Process]:
    """The scorer and what it waits for: two cores have no room for the consumers beside the one that asks."""
    return [process for process in processes(settings) if process.name in _MEASURED]


def _silently(_what: str, _news: str) -> None: ...


def _scorer_memory(settings: StackSettings) -> float:
    pid = next(state.pid for state in stack.status(settings, _measured) if state.name == "scorer-stable")
    scorer = psutil.Process(pid)
    return sum(process.memory_info().rss for process in (scorer, *scorer.children(recursive=True))) / 2**20


def _time_decoding(console: Console) -> None:
    event = decoding.signal_event()
    table = columns(f"a signal event of {len(event) / 1000:.1f} kB", "µs")
    for name, read in (("json.loads", json.loads), ("decoded and validated", decode)):
        table.add_row(name, f"{decoding.microseconds(read, event):.1f}")
    console.print(table)


def _rate_consumers(console: Console) -> None:
    with console.status(f"consuming {consuming.EVENTS:,} events with each, {consuming.ROUNDS} times"):
        rates = consuming.rates()
    bare = rates[consuming.BARE]
    table = columns("one process each", "events/s", "ratio", "events per CPU second", "ratio", "peak MiB")
    for name, rate in rates.items():
        each = ((rate.per_second, bare.per_second), (rate.per_cpu_second, bare.per_cpu_second))
        cells = (cell for value, least in each for cell in (f"{value:,.0f}", f"{value / least:.2f}"))
        table.add_row(name, *cells, f"{rate.peak_mib:.0f}")
    console.print(table)
    console.print(f"{consuming.EVENTS:,} signals of 0.2 kB of {consuming.PEOPLE:,} people", highlight=False)


def _time_generating(console: Console) -> None:
    with console.status(f"timing {generating.REQUESTS} tips, several times"):
        figures = generating.figures()
    table = columns("an endpoint that answers at once", "p50 ms", "p99 ms", f"requests/s, {CONNECTIONS} connections")
    bare, written = figures.gateway, figures.written
    table.add_row("bare gateway", f"{bare.p50_ms:.2f}", f"{bare.p99_ms:.2f}", "")
    table.add_row("/generate", *_cells(written))
    table.add_row("ratio", f"{written.p50_ms / bare.p50_ms:.2f}", f"{written.p99_ms / bare.p99_ms:.2f}", "")
    table.add_row("without its model's call", f"{figures.own.p50_ms:.2f}", f"{figures.own.p99_ms:.2f}", "")
    table.add_row("/generate, a tip that was kept", *_cells(figures.cached))
    console.print(table)


def main() -> None:
    """Measure and print."""
    console = Console()
    _time_decoding(console)
    _rate_consumers(console)
    _time_generating(console)
    assembling.print_figures(console)
    training.print_figures(console)
    with tempfile.TemporaryDirectory() as folder:
        settings = StackSettings.on_free_ports(Path(folder))
        with console.status("starting a stack to measure"):
            stack.up(settings, _silently, _measured)
        try:
            places = pipeline_settings(settings, overrides={})
            service = catalogs.load(places.catalog).service("tips@1")
            _until_served(settings.scorer_stable_port, promote_trees(places, service))
            with console.status(f"timing {REQUESTS} requests, twice each"), echo() as echo_port:
                bare = measure(echo_port, "/", score_body, requests=REQUESTS, connections=CONNECTIONS)
                score = measure(
                    settings.scorer_stable_port, "/score", score_body, requests=REQUESTS, connections=CONNECTIONS
                )
            memory = _scorer_memory(settings)
        finally:
            stack.down(settings, _silently, _measured)
    table = columns("one worker", "p50 ms", "p99 ms", f"requests/s, {CONNECTIONS} connections")
    for name, timing in (("bare ASGI echo", bare), ("/score", score)):
        table.add_row(name, *_cells(timing))
    table.add_row("ratio", f"{score.p50_ms / bare.p50_ms:.1f}", f"{score.p99_ms / bare.p99_ms:.1f}", "")
    console.print(table)
    body = len(score_body(0)) / 1000
    console.print(
        f"{CANDIDATES} candidates, {TREES} trees, {body:.1f} kB, decision log on; scorer {memory:.0f} MiB in all",
        highlight=False,
    )


def _cells(timing: Timing) -> tuple[str, str, str]:
    return f"{timing.p50_ms:.2f}", f"{timing.p99_ms:.2f}", f"{timing.per_second:.0f}"


if __name__ == "__main__":
    main()
