import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oo.errors import (
    BudgetUnknown,
    CallTooDear,
    CompletionTooLong,
    DailyBudgetSpent,
    GatewayFailed,
    GatewayTimedOut,
    OOError,
    PromptTooLong,
)
from oo.llm.budget import CappedGateway, Caps
from oo.llm.daily_budget import DailyBudget
from oo.llm.gateway import Completion, CompletionRequest, Message, Quote
from oo.llm.memory_ledger import MemoryLedger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAPS = Caps(seconds=5, prompt_tokens=100, completion_tokens=400, cost_usd=0.01)
REQUEST = CompletionRequest((Message("system", "write"), Message("user", "a tip")), {}, 200, 0.5, 7)
ANSWER = Completion("{}", "tiny", 90, 150, 0.002)


async def answer(_: CompletionRequest) -> Completion:
    return ANSWER


async def never(_: CompletionRequest) -> Completion:
    await asyncio.Event().wait()
    raise AssertionError


def fail(error: Exception) -> Callable[[CompletionRequest], Awaitable[Completion]]:
    async def act(_: CompletionRequest) -> Completion:
        raise error

    return act


@dataclass
class PricedGateway:
    """A model that has its price, and answers as a test wants."""

    act: Callable[[CompletionRequest], Awaitable[Completion]] = answer
    prompt_tokens: int = 100
    per_token: float = 0.00001
    """Of prompt and answer alike."""
    asked: list[tuple[CompletionRequest, float]] = field(default_factory=list)

    def quote(self, request: CompletionRequest) -> Quote:
        return Quote(self.prompt_tokens, (self.prompt_tokens + request.max_tokens) * self.per_token)

    async def complete(
        self,
        request: CompletionRequest,
        *,
        timeout: float,  # noqa: ASYNC109  # the port's signature
    ) -> Completion:
        self.asked.append((request, timeout))
        return await self.act(request)


@dataclass
class TwoModels(PricedGateway):
    """The dearest that may answer is one for a short answer and the other for a long one."""

    def quote(self, request: CompletionRequest) -> Quote:
        return Quote(100, max(0.004 + request.max_tokens * 0.00001, 0.001 + request.max_tokens * 0.0001))


class Account:
    """The account `ada` with its capped gateway."""

    def __init__(self, gateway: PricedGateway, caps: Caps = CAPS, cap: float = 1.0) -> None:
        self.ledger = MemoryLedger()
        self.budget = DailyBudget(self.ledger, lambda _: cap, lambda: NOON)
        self.capped = CappedGateway(gateway, caps, self.budget)

    async def call(self, request: CompletionRequest = REQUEST, seconds: float = 60) -> Completion:
        return await self.capped.complete(request, account="ada", seconds=seconds)

    async def charged(self) -> float:
        """In US dollars, for all calls so far."""
        await self.budget.aclose()
        return await self.ledger.spent("ada", NOON.date()) / 1_000_000


async def test_a_call_within_the_caps_goes_through_as_it_is_and_is_charged_what_it_took() -> None:
    gateway = PricedGateway()
    account = Account(gateway)
    assert await account.call() == ANSWER
    assert [request for request, _ in gateway.asked] == [REQUEST]
    assert await account.charged() == 0.002


async def test_no_longer_answer_is_asked_for_than_the_cap() -> None:
    gateway = PricedGateway()
    await Account(gateway).call(replace(REQUEST, max_tokens=5_000))
    assert gateway.asked[0][0] == replace(REQUEST, max_tokens=400)


async def test_a_prompt_over_the_cap_is_not_sent() -> None:
    gateway = PricedGateway(prompt_tokens=101)
    account = Account(gateway)
    with pytest.raises(PromptTooLong, match="101 tokens, over the cap of 100"):
        await account.call()
    assert gateway.asked == []
    assert await account.charged() == 0


@pytest.mark.parametrize("per_token", [0.00004, 0.00005, 1 / 30_000])
async def test_when_money_binds_the_answer_is_as_long_as_it_allows(per_token: float) -> None:
    gateway = PricedGateway(per_token=per_token)
    await Account(gateway).call(replace(REQUEST, max_tokens=400))
    ((request, _),) = gateway.asked
    exact = 0.01 / per_token - 100
    assert exact - 1.001 <= request.max_tokens <= exact
    assert gateway.quote(request).cost_usd <= 0.01


async def test_when_money_binds_no_model_that_may_answer_costs_more() -> None:
    gateway = TwoModels()
    await Account(gateway).call(replace(REQUEST, max_tokens=400))
    ((request, _),) = gateway.asked
    assert request.max_tokens >= 64
    assert gateway.quote(request).cost_usd <= 0.01


@pytest.mark.parametrize("per_token", [0.00007, 0.0001, 0.001])
async def test_when_money_allows_no_sensible_answer_nobody_is_asked(per_token: float) -> None:
    gateway = PricedGateway(per_token=per_token)
    account = Account(gateway)
    with pytest.raises(CallTooDear, match=r"over the cap of 0\.01"):
        await account.call()
    assert gateway.asked == []
    assert await account.charged() == 0


async def test_a_prompt_that_costs_too_much_by_itself_is_not_sent() -> None:
    class FreeAnswers(PricedGateway):
        def quote(self, _: CompletionRequest) -> Quote:
            return Quote(100, 0.02)

    gateway = FreeAnswers()
    with pytest.raises(CallTooDear):
        await Account(gateway).call()
    assert gateway.asked == []


async def test_a_short_answer_that_was_asked_for_is_sensible() -> None:
    gateway = PricedGateway()
    await Account(gateway).call(replace(REQUEST, max_tokens=10))
    assert gateway.asked[0][0].max_tokens == 10


@pytest.mark.parametrize(("seconds", "told"), [(60, 5), (3, 3)])
async def test_the_gateway_is_told_the_time_that_is_left(seconds: float, told: float) -> None:
    gateway = PricedGateway()
    await Account(gateway).call(seconds=seconds)
    assert told - 0.5 < gateway.asked[0][1] <= told


@pytest.mark.parametrize("seconds", [0, -1])
async def test_without_time_nobody_is_asked(seconds: float) -> None:
    gateway = PricedGateway()
    account = Account(gateway)
    with pytest.raises(GatewayTimedOut, match="no time"):
        await account.call(seconds=seconds)
    assert gateway.asked == []
    assert await account.charged() == 0


@pytest.mark.parametrize(("cap", "seconds"), [(0.02, 60), (5, 0.02)])
async def test_a_gateway_that_keeps_no_time_is_cut_off_and_charged_as_quoted(cap: float, seconds: float) -> None:
    account = Account(PricedGateway(never), replace(CAPS, seconds=cap))
    with pytest.raises(GatewayTimedOut, match=r"over 0\.02 s"):
        await account.call(seconds=seconds)
    assert await account.charged() == 0.003


async def test_a_cancelled_call_is_charged_as_quoted() -> None:
    begun = asyncio.Event()

    async def begin(request: CompletionRequest) -> Completion:
        begun.set()
        return await never(request)

    account = Account(PricedGateway(begin))
    call = asyncio.create_task(account.call())
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await account.charged() == 0.003


@pytest.mark.parametrize(
    ("error", "charged"),
    [
        (GatewayFailed("refused"), 0),
        (GatewayTimedOut("late"), 0.003),
        (CompletionTooLong("endless"), 0.003),
        (ZeroDivisionError("a defect"), 0.003),
    ],
    ids=["failed", "timed out", "too long", "a defect"],
)
async def test_a_failure_is_charged_as_quoted_when_the_model_may_have_answered(
    error: Exception, charged: float
) -> None:
    account = Account(PricedGateway(fail(error)))
    with pytest.raises(type(error)):
        await account.call()
    assert await account.charged() == charged


@pytest.mark.parametrize(
    ("reported", "error", "charged"),
    [
        (replace(ANSWER, prompt_tokens=101), PromptTooLong, 0.002),
        (replace(ANSWER, completion_tokens=401), CompletionTooLong, 0.002),
        (replace(ANSWER, cost_usd=0.5), CallTooDear, 0.5),
        (replace(ANSWER, cost_usd=nan), CallTooDear, 0.003),
        (replace(ANSWER, cost_usd=inf), CallTooDear, 0.003),
    ],
)
async def test_an_answer_that_took_more_than_the_caps_is_charged_as_reported_and_refused(
    reported: Completion, error: type[OOError], charged: float
) -> None:
    async def act(_: CompletionRequest) -> Completion:
        return reported

    account = Account(PricedGateway(act))
    with pytest.raises(error, match="over the cap"):
        await account.call()
    assert await account.charged() == charged


async def test_an_answer_cannot_earn_money() -> None:
    async def act(_: CompletionRequest) -> Completion:
        return replace(ANSWER, cost_usd=-5)

    account = Account(PricedGateway(act))
    await account.call()
    assert await account.charged() == 0.003


async def test_a_day_that_is_spent_asks_nobody() -> None:
    gateway = PricedGateway()
    account = Account(gateway, cap=0.0029)
    with pytest.raises(DailyBudgetSpent):
        await account.call()
    assert gateway.asked == []


async def test_a_budget_that_nobody_knows_asks_nobody() -> None:
    class AwayLedger(MemoryLedger):
        async def spent(self, *_: object) -> int:
            raise BudgetUnknown("away")

    gateway = PricedGateway()
    budget = DailyBudget(AwayLedger(), lambda _: 1.0, lambda: NOON)
    with pytest.raises(BudgetUnknown, match="away"):
        await CappedGateway(gateway, CAPS, budget).complete(REQUEST, account="ada", seconds=5)
    assert gateway.asked == []


@dataclass(frozen=True)
class Fate:
    """What becomes of one call."""

    turns: int
    outcome: Completion | Exception
    cancelled_after: int | None


micro_dollars = st.integers(0, 20_000).map(lambda micro: micro / 1_000_000)
fates = st.builds(
    Fate,
    st.integers(0, 6),
    st.builds(Completion, st.just("{}"), st.just("tiny"), st.integers(0, 120), st.integers(0, 500), micro_dollars)
    | st.sampled_from([GatewayFailed(""), GatewayTimedOut(""), CompletionTooLong(""), ZeroDivisionError()]),
    st.none() | st.integers(0, 12),
)


@settings(deadline=None)  # a busy machine is slow, not wrong
@given(st.lists(fates, max_size=12), st.sampled_from([0.004, 0.02, 1.0]))
def test_whatever_becomes_of_calls_all_money_put_aside_is_settled(plan: list[Fate], cap: float) -> None:
    async def act() -> tuple[float, float]:
        ledger = MemoryLedger()
        budget = DailyBudget(ledger, lambda _: cap, lambda: NOON)
        billed = 0.0

        async def call(fate: Fate) -> None:
            async def reply(_: CompletionRequest) -> Completion:
                nonlocal billed
                bill = 0.003
                try:
                    for _turn in range(fate.turns):
                        await asyncio.sleep(0)
                    if isinstance(fate.outcome, Completion):
                        bill = fate.outcome.cost_usd
                        return fate.outcome
                    if type(fate.outcome) is GatewayFailed:
                        bill = 0
                    raise fate.outcome
                finally:
                    billed += bill

            await CappedGateway(PricedGateway(reply), CAPS, budget).complete(REQUEST, account="ada", seconds=60)

        tasks = [asyncio.create_task(call(fate)) for fate in plan]
        for turn in range(13):
            for task, fate in zip(tasks, plan, strict=True):
                if fate.cancelled_after == turn:
                    task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        await budget.aclose()
        return billed, await ledger.spent("ada", NOON.date()) / 1_000_000

    billed, spent = asyncio.run(act())
    # What is billed over the quote is drawn too, as far as the day's cap allows.
    assert spent == pytest.approx(min(billed, cap))
