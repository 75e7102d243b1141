"""One suite for the ledger in memory and the one in JetStream."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import nats
import pytest

from oo.bus import streams
from oo.llm.ledger import Ledger
from oo.llm.memory_ledger import MemoryLedger
from oo.llm.nats_ledger import NatsLedger
from tests.integration.nats_server import NatsServer

DAY = date(2026, 3, 1)
ACCOUNTS = (
    "ada",
    "Ada",
    "ada/shadow",
    "ada.shadow",
    "ada.b",
    "ada b",
    "*",
    ">",
    "å",
    "🦉",
    "=",
    "=YQ==",
    "a",
    "/",
    "a/",
)


@pytest.fixture(params=["memory", "nats"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    server = NatsServer(tmp_path / "jetstream", tmp_path)
    server.start()
    client = await nats.connect(server.url)
    jetstream = client.jetstream()
    await streams.ensure(jetstream)
    bucket = await jetstream.key_value(streams.BUDGETS_BUCKET)
    # Many more writers at once on one account than there are processes need some patience.
    yield NatsLedger(bucket, Random(1), patience=20)  # noqa: S311  # spreads retries
    await client.close()
    server.stop()


async def test_at_first_nothing_is_spent(ledger: Ledger) -> None:
    assert await ledger.spent("ada", DAY) == 0


async def test_what_is_wanted_is_granted_and_counts_as_spent(ledger: Ledger) -> None:
    assert await ledger.draw("ada", DAY, wanted=30, least=10, cap=100) == 30
    assert await ledger.draw("ada", DAY, wanted=30, least=10, cap=100) == 30
    assert await ledger.spent("ada", DAY) == 60


async def test_the_last_draw_gets_what_is_left(ledger: Ledger) -> None:
    await ledger.draw("ada", DAY, wanted=90, least=1, cap=100)
    assert await ledger.draw("ada", DAY, wanted=30, least=10, cap=100) == 10
    assert await ledger.spent("ada", DAY) == 100


async def test_a_rest_that_is_of_no_use_stays(ledger: Ledger) -> None:
    await ledger.draw("ada", DAY, wanted=91, least=1, cap=100)
    assert await ledger.draw("ada", DAY, wanted=30, least=10, cap=100) == 0
    assert await ledger.spent("ada", DAY) == 91


async def test_under_a_lowered_cap_nothing_more_is_granted_and_nothing_is_forgotten(ledger: Ledger) -> None:
    await ledger.draw("ada", DAY, wanted=80, least=1, cap=100)
    assert await ledger.draw("ada", DAY, wanted=10, least=1, cap=50) == 0
    assert await ledger.spent("ada", DAY) == 80


async def test_what_is_given_back_may_be_drawn_again(ledger: Ledger) -> None:
    await ledger.draw("ada", DAY, wanted=100, least=1, cap=100)
    await ledger.give_back("ada", DAY, 40)
    assert await ledger.spent("ada", DAY) == 60
    assert await ledger.draw("ada", DAY, wanted=100, least=40, cap=100) == 40


async def test_no_more_comes_back_than_was_drawn(ledger: Ledger) -> None:
    await ledger.give_back("ada", DAY, 40)
    assert await ledger.spent("ada", DAY) == 0
    await ledger.draw("ada", DAY, wanted=10, least=10, cap=100)
    await ledger.give_back("ada", DAY, 40)
    assert await ledger.spent("ada", DAY) == 0


async def test_accounts_and_days_are_kept_apart_whatever_an_account_is_called(ledger: Ledger) -> None:
    keys = [(account, day) for account in ACCOUNTS for day in (DAY, DAY + timedelta(days=1))]
    for amount, key in enumerate(keys, start=1):
        await ledger.draw(*key, wanted=amount, least=amount, cap=1_000)
    assert [await ledger.spent(*key) for key in keys] == list(range(1, len(keys) + 1))


async def test_of_eight_writers_at_once_none_is_lost_and_none_goes_over_the_cap(ledger: Ledger) -> None:
    async def write(number: int) -> int:
        granted = 0
        for _ in range(10):
            drawn = await ledger.draw("ada", DAY, wanted=10 + number, least=1, cap=700)
            await ledger.give_back("ada", DAY, drawn // 3)
            granted += drawn - drawn // 3
        return granted

    granted = await asyncio.gather(*map(write, range(8)))
    assert sum(granted) == await ledger.spent("ada", DAY)
    assert 690 <= sum(granted) <= 700
