"""A day's cap over several replicas, on a real server."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from signal import SIGKILL

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.kv import KeyValue

from oo.bus.connection import connect
from oo.bus.streams import BUDGETS_BUCKET, ensure
from oo.errors import BudgetUnknown, DailyBudgetSpent
from oo.llm.budget import CappedGateway
from oo.llm.daily_budget import DailyBudget
from oo.llm.nats_ledger import NatsLedger, document_key
from tests.integration.budget_process import CAP, CAPS, NOON, BillingGateway, budget_over, spend_all
from tests.integration.consuming import PATIENCE, until
from tests.integration.nats_server import NatsServer

TODAY = NOON.date()
CAP_MICRO = 1_000_000
KEY = document_key("ada", TODAY)


@pytest.fixture
async def bucket(jetstream: JetStreamContext) -> KeyValue:
    await ensure(jetstream)
    return await jetstream.key_value(BUDGETS_BUCKET)


@pytest.fixture
async def clients(bucket: KeyValue, nats_url: str) -> AsyncIterator[list[Client]]:
    """Of two replicas."""
    assert bucket  # is there before they look for it
    clients = [await connect(nats_url, "oo-test") for _ in range(2)]
    yield clients
    for client in clients:
        await client.close()


def gateway(budget: DailyBudget, bill: Path) -> CappedGateway:
    return CappedGateway(BillingGateway(bill, Random(bill.name)), CAPS, budget)  # noqa: S311  # an example


def billed(*bills: Path) -> int:
    """In micro-dollars. The last line of one that was killed may be cut off, and counts when it is whole."""
    return sum(int(line) for bill in bills if bill.exists() for line in bill.read_text().splitlines())


async def ledger_says(client: Client) -> int:
    bucket = await client.jetstream().key_value(BUDGETS_BUCKET)
    return await NatsLedger(bucket, Random(1)).spent("ada", TODAY)  # noqa: S311  # spreads retries


async def test_two_replicas_under_load_spend_a_cap_to_the_last_percent_and_no_more(
    clients: list[Client], tmp_path: Path
) -> None:
    bills = [tmp_path / "bill-1", tmp_path / "bill-2"]
    budgets = [await budget_over(client) for client in clients]
    await asyncio.gather(*(spend_all(gateway(budget, bill)) for budget, bill in zip(budgets, bills, strict=True)))

    assert 0.99 * CAP_MICRO <= billed(*bills) <= CAP_MICRO
    assert min(billed(bill) for bill in bills) > 0.2 * CAP_MICRO
    for budget in budgets:
        await budget.aclose()
    assert await ledger_says(clients[0]) == billed(*bills)


async def test_a_replica_that_is_gone_and_a_server_that_was_restarted_forget_nothing(
    clients: list[Client], nats_server: NatsServer, tmp_path: Path
) -> None:
    bills = [tmp_path / "bill-1", tmp_path / "bill-2"]
    lost = asyncio.create_task(spend_all(gateway(await budget_over(clients[0]), bills[0])))
    await until(lambda: billed(bills[0]) > 0.3 * CAP_MICRO)
    lost.cancel()  # and nobody closes its budget
    await asyncio.wait({lost})
    await clients[0].close()

    await asyncio.to_thread(nats_server.restart)
    another = await connect(nats_server.url, "oo-test")
    assert await ledger_says(another) >= billed(bills[0])
    await spend_all(gateway(await budget_over(another), bills[1]))
    assert await ledger_says(another) <= CAP_MICRO
    # Lost are what it had in hand and put aside, and the shares that a busy one keeps.
    assert 0.97 * CAP_MICRO <= billed(*bills) <= CAP_MICRO
    await another.close()


async def test_a_process_that_is_killed_in_the_midst_of_calls_costs_no_more_than_it_had_in_hand(
    clients: list[Client], nats_url: str, tmp_path: Path
) -> None:
    bills = [tmp_path / f"bill-{number}" for number in range(3)]
    async with AsyncExitStack() as ending:
        killed, other, another = [await ending.enter_async_context(replica(nats_url, bill)) for bill in bills]
        begin(killed)
        begin(other)
        await until(lambda: billed(bills[0]) > 0.1 * CAP_MICRO)
        killed.kill()
        assert await killed.wait() == -SIGKILL
        assert billed(*bills) < 0.9 * CAP_MICRO
        begin(another)
        async with asyncio.timeout(PATIENCE):
            assert [await process.wait() for process in (other, another)] == [0, 0]
    assert min(billed(bill) for bill in bills) > 0.05 * CAP_MICRO
    assert 0.97 * CAP_MICRO <= billed(*bills) <= await ledger_says(clients[0]) <= CAP_MICRO


@asynccontextmanager
async def replica(url: str, bill: Path) -> AsyncIterator[Process]:
    """A process that is ready to begin."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.budget_process", url, str(bill)),
        cwd=Path(__file__).parents[2],
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), PATIENCE) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def begin(process: Process) -> None:
    assert process.stdin
    process.stdin.write(b"\n")


@pytest.mark.parametrize("way", ["stopped", "frozen"])
async def test_while_the_server_is_away_a_call_is_refused_in_time_and_afterwards_none(
    clients: list[Client], nats_server: NatsServer, way: str
) -> None:
    ledger = NatsLedger(
        await clients[0].jetstream().key_value(BUDGETS_BUCKET),
        Random(1),  # noqa: S311  # spreads retries
    )
    budget = DailyBudget(ledger, lambda _: CAP, lambda: NOON)
    (await budget.reserve("ada", 0.1)).settle(0.1)
    (nats_server.stop if way == "stopped" else nats_server.freeze)()
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(BudgetUnknown, match="ada"):
            await budget.reserve("ada", 0.1)
        assert time.monotonic() - started < 1
    (nats_server.start if way == "stopped" else nats_server.thaw)()
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                (await budget.reserve("ada", 0.1)).settle(0.1)
            except BudgetUnknown:
                await asyncio.sleep(0.05)
            else:
                break
    await budget.aclose()
    # What a frozen server was asked it does when it is thawed, and nobody hears of it: that counts as spent.
    assert 200_000 <= await ledger.spent("ada", TODAY) <= 300_000


async def test_over_a_connection_that_is_lost_nothing_is_sent_that_would_arrive_later(
    clients: list[Client], nats_server: NatsServer
) -> None:
    budget = await budget_over(clients[0])
    nats_server.stop()
    await until(lambda: not clients[0].is_connected)
    with pytest.raises(BudgetUnknown, match=rf"budget {KEY}: .*ConnectionReconnectingError"):
        await budget.reserve("ada", 0.1)


async def test_a_document_that_nobody_can_read_refuses_calls_and_says_what_to_do(
    clients: list[Client], bucket: KeyValue
) -> None:
    budget = await budget_over(clients[0])
    for unreadable in (b"", b"nonsense", b"{}", b'{"drawn": -1}', b'{"drawn": "1"}', b'{"drawn": true}'):
        await bucket.put(KEY, unreadable)
        with pytest.raises(BudgetUnknown, match=rf"{KEY} is unreadable; put .*drawn.* there, or delete it"):
            await budget.reserve("ada", 0.1)
    await bucket.put(KEY, b'{"drawn": 950000}')
    with pytest.raises(DailyBudgetSpent):
        await budget.reserve("ada", 0.1)
    for remove in (bucket.delete, bucket.purge):
        await remove(KEY)
        (await budget.reserve("ada", 0.1)).settle(0.1)
        assert (await bucket.get(KEY)).value == b'{"drawn":100000}'


async def test_a_bucket_that_is_gone_is_no_empty_one(clients: list[Client], jetstream: JetStreamContext) -> None:
    budget = await budget_over(clients[0])
    await jetstream.delete_key_value(BUDGETS_BUCKET)
    with pytest.raises(BudgetUnknown, match="is the NATS server running"):
        await budget.reserve("ada", 0.1)


async def test_a_budget_that_others_change_all_the_time_is_given_up_in_time(
    bucket: KeyValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = NatsLedger(bucket, Random(1), patience=0.2)  # noqa: S311  # spreads retries
    get, reads = bucket.get, 0

    async def overtaken(key: str) -> KeyValue.Entry:
        nonlocal reads
        reads += 1
        try:
            return await get(key)
        finally:
            await bucket.put(key, b'{"drawn": 7}')

    monkeypatch.setattr(bucket, "get", overtaken)
    with pytest.raises(BudgetUnknown, match=rf"budget {KEY} was changed by other processes for 0.2 s on end"):
        await ledger.draw("ada", TODAY, wanted=5, least=1, cap=CAP_MICRO)

    assert reads > 1
    monkeypatch.undo()
    assert await ledger.spent("ada", TODAY) == 7
