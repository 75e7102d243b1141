"""Whatever dies on the way, the sinks end exactly as after one clean pass in order."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.aio.client import Client

from oo.rewards import database, queries
from tests.integration.nats_server import NatsServer
from tests.soak import expected, judgement
from tests.soak.chaos import Chaos
from tests.soak.fleet import CONSUMERS, Fleet
from tests.soak.mischief import mischief
from tests.soak.population import CATALOG, population
from tests.soak.report import redeliveries, report

FREEZE_SECONDS = 13.0
"""A little more than the ack wait of `client`: what the frozen one holds is in other hands when it wakes up."""
MEMORY = 640 * 2**20
"""Bytes that no consumer may ever hold."""

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print, whatever pytest does with output."""

    def printed(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", flush=True)  # the figures of a run are for people

    return printed


@dataclass(frozen=True, slots=True)
class Run:
    """One run, and its judgement."""

    folder: Path
    server: NatsServer
    client: Client
    database_url: str
    say: Say

    async def __call__(self, seed: int, events: int, kills: int) -> None:
        logs, offline = self.folder / "logs", self.folder / "offline"
        logs.mkdir()
        product = self.database_url.partition(":")[0]
        self.say(f"seed {seed} (OO_SOAK_SEED), {events} events (OO_SOAK_EVENTS), {product}; logs in {logs}")
        environment = {
            "OO_NATS_URL": self.server.url,
            "OO_CATALOG": str(CATALOG),
            "OO_OFFLINE_STORE": str(offline),
            "OO_TIP_SCORES_URL": self.database_url,
        }
        fleet, js = Fleet(environment, logs), self.client.jetstream()
        try:
            await fleet.start()
            messages = await asyncio.to_thread(population, seed, events)
            await fleet.ready()
            plan = mischief(seed, kills)
            chaos = Chaos(js, self.server, fleet, messages, plan, freeze_seconds=FREEZE_SECONDS)
            standing = await chaos.run()
            await fleet.ready()  # the last of them may have been started a moment ago
        finally:
            ends = await fleet.stop()
        again = redeliveries(standing, messages)
        self.say(report(chaos, fleet, messages, again))

        known, wrong = await judgement.pairs(self.client, messages)
        engine = database.connect(self.database_url)
        clean = await asyncio.to_thread(expected.joined, known, self.folder)
        wrong += await judgement.all_of(self.client, known, engine, clean, offline)
        counts = queries.counts(clean, datetime.now(UTC))
        for each in (engine, clean):
            each.dispose()

        assert not wrong, f"seed {seed}, logs in {logs}:\n" + "\n".join(wrong)
        assert set(ends.values()) == {0}, f"who was told to end did not end well: {ends}"
        assert min(counts.never_exposed, counts.reacted, counts.late, counts.degraded, counts.unjoined) > 0, counts
        assert chaos.server_kills == 1
        struck = Counter((blow.kind, blow.consumer, busy) for blow, busy in chaos.blows)
        for name in CONSUMERS:
            assert struck["kill", name, True] == kills, f"{name} was killed without work in hand: {struck}"
            assert struck["freeze", name, True] == 1, f"{name} was frozen without work in hand: {struck}"
            assert sum(again[durable] for durable in again if durable.startswith(name)) > 0, again
            assert 0 < fleet.peaks[name] < MEMORY


@pytest.fixture
def run(tmp_path: Path, nats_server: NatsServer, client: Client, database_url: str, say: Say) -> Run:
    return Run(tmp_path, nats_server, client, database_url, say)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_chaos_ends_as_a_clean_pass(run: Run, seed: int, events: int) -> None:
    await run(seed, events, kills=3)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_chaos_ends_as_a_clean_pass_on_one_machine(run: Run, seed: int, events: int) -> None:
    await run(seed + 1, events // 5, kills=1)
