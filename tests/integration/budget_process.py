"""A replica that calls a language model until the day is spent: `python -m tests.integration.budget_process URL BILL`.

It says that it is ready and begins when it is written a line. What the model bills is a line each of the file BILL, in
micro-dollars, written when the answer is given.
"""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from nats.aio.client import Client

from oo.bus.connection import connect
from oo.bus.streams import BUDGETS_BUCKET
from oo.errors import DailyBudgetSpent
from oo.llm.budget import CappedGateway, Caps
from oo.llm.daily_budget import DailyBudget
from oo.llm.gateway import Completion, CompletionRequest, Message, Quote
from oo.llm.nats_ledger import NatsLedger

CAP = 1.0
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUOTE = 0.002
CAPS = Caps(seconds=5, prompt_tokens=100, completion_tokens=400, cost_usd=0.01)
REQUEST = CompletionRequest((Message("user", "a tip"),), {}, 200, 0.5, 7)
AT_ONCE = 8


@dataclass
class BillingGateway:
    """A model that takes a moment, and writes down what it bills."""

    bill: Path
    random: Random

    def quote(self, _: CompletionRequest) -> Quote:
        return Quote(50, QUOTE)

    async def complete(
        self,
        _: CompletionRequest,
        *,
        timeout: float,  # noqa: ARG002, ASYNC109  # the port's signature
    ) -> Completion:
        await asyncio.sleep(self.random.uniform(0, 0.01))
        micro = self.random.randint(300, 2_000)
        with self.bill.open("a") as file:
            file.write(f"{micro}\n")
        return Completion("{}", "tiny", 50, 100, micro / 1_000_000)


async def budget_over(client: Client) -> DailyBudget:
    bucket = await client.jetstream().key_value(BUDGETS_BUCKET)
    ledger = NatsLedger(bucket, Random())  # noqa: S311  # spreads retries
    # Calls that wait long on a busy machine are not what is tested.
    return DailyBudget(ledger, lambda _: CAP, lambda: NOON, patience=5)


async def spend_all(gateway: CappedGateway) -> None:
    """Call it, several at once, until each is told that the day is spent."""

    async def call() -> None:
        while True:
            try:
                await gateway.complete(REQUEST, account="ada", seconds=60)
            except DailyBudgetSpent:
                return

    await asyncio.gather(*(call() for _ in range(AT_ONCE)))


async def main(url: str, bill: Path) -> None:
    client = await connect(url, "oo-test")
    budget = await budget_over(client)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await spend_all(CappedGateway(BillingGateway(bill, Random(bill.name)), CAPS, budget))  # noqa: S311  # an example
    await budget.aclose()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
