import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oo.errors import BudgetUnknown, DailyBudgetSpent
from oo.llm.daily_budget import DailyBudget, Reservation
from oo.llm.memory_ledger import MemoryLedger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 3, 1), date(2026, 3, 2)
DOLLAR = 1_000_000


class Bank(MemoryLedger):
    """A ledger that counts its visitors, and may be closed, or slow to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[tuple[int, int]] = []
        self.returns: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.closed = False
        self.visited = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()

    async def draw(self, account: str, day: date, *, wanted: int, least: int, cap: int) -> int:
        assert 0 < least <= wanted
        self.draws.append((wanted, least))
        await self._queue()
        return await super().draw(account, day, wanted=wanted, least=least, cap=cap)

    async def give_back(self, account: str, day: date, amount: int) -> None:
        assert amount > 0
        self.returns.append(amount)
        await self._queue()
        await super().give_back(account, day, amount)

    async def _queue(self) -> None:
        self.visited.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            await self.answering.wait()
            if self.closed:
                raise BudgetUnknown("closed")
        finally:
            self.at_once -= 1


class Town:
    """A bank, a clock, and caps that a test may change."""

    def __init__(self, cap: float = 1.0) -> None:
        self.bank = Bank()
        self.now = NOON
        self.cap = cap

    def budget(self, patience: float = 5.0) -> DailyBudget:
        return DailyBudget(self.bank, lambda _: self.cap, lambda: self.now, patience=patience)

    async def spent(self, account: str = "ada", day: date = TODAY) -> int:
        return await self.bank.spent(account, day)


async def spend(budget: DailyBudget, cost: float, account: str = "ada") -> None:
    (await budget.reserve(account, cost)).settle(cost)


async def reserve_until_refused(budgets: Sequence[DailyBudget], cost: float) -> list[Reservation]:
    """Reserved in turn, until all are refused."""
    reserved: list[Reservation] = []
    left = list(budgets)
    while left:
        for budget in tuple(left):
            try:
                reserved.append(await budget.reserve("ada", cost))
            except DailyBudgetSpent:
                left.remove(budget)
    return reserved


async def test_many_calls_are_paid_out_of_one_draw() -> None:
    town = Town()
    budget = town.budget()
    for _ in range(25):
        await spend(budget, 0.0001)
    assert town.bank.draws == [(2_500, 100)]
    await spend(budget, 0.0001)
    assert len(town.bank.draws) == 2


async def test_a_call_dearer_than_a_share_is_drawn_as_it_is() -> None:
    town = Town()
    await spend(town.budget(), 0.3)
    assert town.bank.draws == [(300_000, 300_000)]


async def test_a_call_dearer_than_what_is_in_hand_leaves_no_crumbs() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.001)
    await spend(budget, 0.004)
    assert town.bank.draws == [(2_500, 1_000), (2_500, 2_500)]
    assert await town.spent() == 5_000


async def test_a_call_is_charged_what_it_took_in_whole_micro_dollars_rounded_up() -> None:
    town = Town()
    budget = town.budget()
    for _ in range(10):
        (await budget.reserve("ada", 0.01)).settle(0.0012345)
    await budget.aclose()
    assert await town.spent() == 12_350


async def test_calls_at_once_wait_for_one_draw_together() -> None:
    town = Town()
    budget = town.budget()
    await asyncio.gather(*(spend(budget, 0.004) for _ in range(50)))
    assert town.bank.draws == [(200_000, 4_000)]


async def test_an_account_has_one_visitor_at_the_ledger_at_a_time_whatever_goes_on() -> None:
    town = Town()
    budget = town.budget()
    for _ in range(5):
        await asyncio.gather(*(spend(budget, cost / 1_000) for cost in range(1, 20)))
    await budget.aclose()
    assert town.bank.most_at_once == 1
    assert await town.spent() == 5 * 190_000


async def test_accounts_have_nothing_to_do_with_each_other() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 1.0, "ada")
    await spend(budget, 1.0, "ada/shadow")
    with pytest.raises(DailyBudgetSpent, match=r"ada/shadow: the 1 US dollars of 2026-03-01 .* midnight UTC"):
        await spend(budget, 0.1, "ada/shadow")


async def test_a_large_call_that_does_not_fit_keeps_no_small_one_out() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.9)
    outcomes = await asyncio.gather(spend(budget, 0.5), spend(budget, 0.05), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DailyBudgetSpent, type(None)]


async def test_a_call_over_the_whole_cap_is_refused_without_a_question() -> None:
    town = Town()
    with pytest.raises(DailyBudgetSpent):
        await spend(town.budget(), 1.000001)
    assert town.bank.draws == []


@pytest.mark.parametrize("cost", [0.0, 0.1])
async def test_a_cap_of_nothing_refuses_everything(cost: float) -> None:
    town = Town(cap=0)
    with pytest.raises(DailyBudgetSpent):
        await spend(town.budget(), cost)


async def test_a_free_call_needs_no_ledger() -> None:
    town = Town()
    town.bank.closed = True
    budget = town.budget()
    await spend(budget, 0.0)
    await budget.aclose()
    assert (town.bank.draws, town.bank.returns) == ([], [])


@pytest.mark.parametrize("cost", [0.0001, 0.0021, 0.005, 0.0007])
async def test_two_replicas_use_the_cap_up_together_and_nothing_over(cost: float) -> None:
    town = Town()
    budgets = [town.budget(), town.budget()]
    reserved = await reserve_until_refused(budgets, cost)
    assert 0.99 <= len(reserved) * cost <= 1.0000001
    assert await town.spent() <= DOLLAR


async def test_a_replica_that_was_busy_holds_no_more_back_than_two_shares() -> None:
    town = Town()
    busy, other = town.budget(), town.budget()
    for reservation in [await busy.reserve("ada", 0.01) for _ in range(60)]:
        reservation.settle(0.001)
    await asyncio.sleep(0.01)  # what is given back is nobody's to wait for
    assert len(await reserve_until_refused([other], 0.001)) >= 1_000 - 60 - 5


async def test_a_process_that_stops_gives_back_what_it_has_left() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.0003)
    assert await town.spent() == 2_500
    await budget.aclose()
    assert await town.spent() == 300


async def test_what_is_settled_after_the_end_is_given_back_too() -> None:
    town = Town()
    budget = town.budget()
    reservation = await budget.reserve("ada", 0.2)
    await budget.aclose()
    reservation.settle(0.05)
    await budget.aclose()
    assert await town.spent() == 50_000


async def test_what_a_killed_process_had_in_hand_counts_as_spent() -> None:
    town = Town()
    await spend(town.budget(), 0.0003)
    reserved = await reserve_until_refused([town.budget()], 0.0005)
    assert len(reserved) == (DOLLAR - 2_500) // 500


async def test_at_midnight_utc_a_new_day_begins_and_yesterdays_advance_goes_back() -> None:
    town = Town()
    budget = town.budget()
    town.now = datetime(2026, 3, 2, 0, 59, 59, tzinfo=timezone(timedelta(hours=1)))
    await spend(budget, 0.0003)
    over_midnight = await budget.reserve("ada", 0.0002)
    town.now += timedelta(seconds=1)
    await spend(budget, 0.0004)
    over_midnight.settle(0.0001)
    assert await town.spent(day=TOMORROW) == 2_500
    await budget.aclose()
    assert [await town.spent(day=day) for day in (TODAY, TOMORROW)] == [400, 400]


async def test_a_draw_over_midnight_is_not_used_on_the_new_day() -> None:
    town = Town()
    budget = town.budget()
    town.bank.answering.clear()
    call = asyncio.create_task(budget.reserve("ada", 0.1))
    await town.bank.visited.wait()
    town.now += timedelta(hours=12)
    town.bank.answering.set()
    (await call).settle(0.1)
    await budget.aclose()
    assert [await town.spent(day=day) for day in (TODAY, TOMORROW)] == [0, 100_000]


async def test_the_days_money_is_there_again_on_the_next_day() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 1.0)
    town.now += timedelta(days=1)
    await spend(budget, 1.0)


async def test_a_cap_lowered_during_the_day_holds_from_the_next_call_on() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.5)
    await spend(budget, 0.0001)
    town.cap = 0.5
    with pytest.raises(DailyBudgetSpent):
        await spend(budget, 0.0001)
    await budget.aclose()
    assert await town.spent() == 500_100


async def test_under_a_lowered_cap_the_rest_of_it_may_be_spent() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.2)
    town.cap = 0.5
    reserved = await reserve_until_refused([budget], 0.001)
    assert len(reserved) == 300


async def test_a_cap_raised_during_the_day_holds_from_the_next_call_on() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 1.0)
    town.cap = 2
    await spend(budget, 1.0)


async def test_without_word_from_the_ledger_nothing_is_asked_blindly() -> None:
    town = Town()
    town.bank.closed = True
    budget = town.budget()
    outcomes = await asyncio.gather(*(spend(budget, 0.1) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [BudgetUnknown] * 3
    town.bank.closed = False
    await spend(budget, 0.1)


async def test_what_is_in_hand_may_be_spent_while_the_ledger_is_away() -> None:
    town = Town()
    budget = town.budget()
    await spend(budget, 0.0001)
    town.bank.closed = True
    await spend(budget, 0.0024)
    with pytest.raises(BudgetUnknown):
        await spend(budget, 0.0001)


async def test_a_call_waits_for_the_ledger_no_longer_than_its_patience_and_the_draw_is_for_the_next() -> None:
    town = Town()
    town.bank.answering.clear()
    budget = town.budget(patience=0.02)
    for _ in range(3):
        with pytest.raises(BudgetUnknown, match=r"ada: no word from the ledger in 0\.02 s"):
            await spend(budget, 0.001)
    town.bank.answering.set()
    await spend(budget, 0.001)
    assert town.bank.draws == [(2_500, 1_000)]


async def test_a_call_that_is_cancelled_while_it_waits_takes_nothing_along() -> None:
    town = Town()
    town.bank.answering.clear()
    budget = town.budget()
    gone, waiting = (asyncio.create_task(spend(budget, 0.3)) for _ in range(2))
    await town.bank.visited.wait()
    gone.cancel()
    town.bank.answering.set()
    await waiting
    with pytest.raises(asyncio.CancelledError):
        await gone
    await budget.aclose()
    assert town.bank.returns == [297_500, 2_500]


async def test_whenever_a_call_is_cancelled_what_was_drawn_for_it_does_not_stay_idle() -> None:
    for moment in range(12):
        town = Town()
        budget = town.budget()
        call = asyncio.create_task(budget.reserve("ada", 0.3))
        await turns(moment)
        if call.cancel():
            await turns(12)
            assert await town.spent() <= 5_000


async def test_a_call_that_took_more_than_was_put_aside_is_charged_in_full() -> None:
    town = Town()
    budget = town.budget()
    (await budget.reserve("ada", 0.1)).settle(0.4)
    await budget.aclose()
    assert await town.spent() == 400_000


async def test_a_call_that_took_more_than_the_day_has_leaves_nothing_and_the_ledger_at_the_cap() -> None:
    town = Town()
    budget = town.budget()
    (await budget.reserve("ada", 0.1)).settle(7.0)
    with pytest.raises(DailyBudgetSpent):
        await spend(budget, 0.0001)
    with pytest.raises(DailyBudgetSpent):
        await spend(town.budget(), 0.0001)
    assert await town.spent() == DOLLAR
    await spend(budget, 0.0)


@dataclass(frozen=True)
class Call:
    """Of a replica, in turns and micro-dollars."""

    replica: int
    start: int
    quote: int
    cost: int
    cancelled_after: int | None


calls = st.builds(
    Call,
    st.integers(0, 2),
    st.integers(0, 20),
    st.integers(0, 400_000),
    st.integers(0, 300_000),
    st.none() | st.integers(0, 10),
)


@settings(deadline=None, max_examples=200)  # a busy machine is slow, not wrong
@given(st.lists(calls, max_size=25), st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=3))
def test_whatever_happens_the_ledger_holds_what_was_charged(plan: list[Call], weather: list[tuple[int, bool]]) -> None:
    """Not when the ledger is away while it is given something: then it holds more. It never holds less."""

    async def act() -> tuple[int, int]:
        town = Town()
        budgets = [town.budget(patience=1) for _ in range(3)]
        charged = 0

        async def call(one: Call) -> None:
            nonlocal charged
            await turns(one.start)
            reservation = await budgets[one.replica].reserve("ada", one.quote / DOLLAR)
            charge = one.quote
            try:
                await turns(5)
                charge = min(one.cost, one.quote)
            finally:
                reservation.settle(charge / DOLLAR)
                charged += charge

        async def change(when: int, closed: bool) -> None:  # noqa: FBT001
            await turns(when)
            town.bank.closed = closed

        async def cancel(task: asyncio.Task[None], after: int | None) -> None:
            if after is not None:
                await turns(after)
                task.cancel()

        tasks = [asyncio.create_task(call(one)) for one in plan]
        await asyncio.gather(
            *(cancel(task, one.cancelled_after) for task, one in zip(tasks, plan, strict=True)),
            *(change(*each) for each in weather),
        )
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, DailyBudgetSpent | BudgetUnknown | asyncio.CancelledError)
        town.bank.closed = False
        for budget in budgets:
            await budget.aclose()
        return charged, await town.spent()

    charged, spent = asyncio.run(act())
    assert charged <= spent <= DOLLAR
    if not any(closed for _, closed in weather):
        assert charged == spent


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
