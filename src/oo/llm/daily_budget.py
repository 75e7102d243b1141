"""Money a day and account, held by all processes together and paid out of what each has in hand."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import partial

from oo.errors import BudgetUnknown, DailyBudgetSpent
from oo.llm.ledger import Ledger

_log = logging.getLogger(__name__)

_Outcome = int | BudgetUnknown
"""Of a draw: 0 when there is no more to say, else the smallest amount needed, for which the ledger has no room."""


@dataclass(eq=False, slots=True)
class _Advance:
    """What this process has drawn of a day's budget and not paid out. Amounts are micro-dollars."""

    account: str
    day: date
    cap: int
    share: int
    in_hand: int = 0
    """Below 0 when a call took more than was put aside, and the ledger has not granted that yet."""
    waiting: list[int] = field(default_factory=list)
    """The calls that wait for a draw."""
    trade: asyncio.Task[_Outcome] | None = None
    """With the ledger. One at a time, or this process would outrun itself."""
    retired: bool = False
    """Of another day, or drawn under a higher cap: nothing more is paid out of it."""

    @property
    def surplus(self) -> int:
        """What is too much in hand; below 0 what was paid out and is yet to be drawn."""
        if self.in_hand < 0 or self.retired:
            return self.in_hand
        idle = self.in_hand - sum(self.waiting)
        return idle - self.share if idle > 2 * self.share else 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money put aside for one call."""

    amount: int
    take_back: Callable[[int], None]

    def settle(self, cost_usd: float) -> None:
        """Charge what the call took, be it more than was put aside; to be called once."""
        self.take_back(self.amount - _micro_dollars(cost_usd, ROUND_CEILING))


class DailyBudget:
    """What each account may spend in a UTC day, however many processes spend it.

    Most calls are paid from an advance in memory: a share of the day's cap is drawn from the ledger at once. So the
    ledger never stands over the cap, a process that stops gives back what it has left, and what one that is killed had
    in hand counts as spent.

    No process keeps more than two shares idle, so at the end of the day's money one is refused while each of the
    others has at most that. When a day ends or a cap is lowered, what is in hand goes back to the ledger.

    What a call took beyond its reservation is drawn too, as far as the cap allows.

    Args:
        ledger: what all processes have drawn.
        cap_of: the US dollars a day of an account; asked for each call, so that a change holds from the next one on.
        now: the clock.
        share: how much of the cap is drawn at once, unless calls need more.
        patience: seconds that a call waits for the ledger. A draw that takes longer goes on for the calls after it.
    """

    def __init__(
        self,
        ledger: Ledger,
        cap_of: Callable[[str], float],
        now: Callable[[], datetime],
        *,
        share: float = 0.0025,
        patience: float = 0.25,
    ) -> None:
        self._ledger = ledger
        self._cap_of = cap_of
        self._now = now
        self._share = share
        self._patience = patience
        self._advances: dict[str, _Advance] = {}
        self._trades: set[asyncio.Task[_Outcome]] = set()

    async def reserve(self, account: str, cost_usd: float) -> Reservation:
        """Put money aside for a call; whoever gets it settles it.

        Args:
            account: whose budget. A cap of 0 refuses every call, free ones too.
            cost_usd: the most that the call may cost. For a free one nobody asks the ledger.

        Raises:
            DailyBudgetSpent: the rest of the day's budget has no room for the call.
            BudgetUnknown: the advance in hand does not cover it, and the ledger gave no word in time.
        """
        amount = _micro_dollars(cost_usd, ROUND_CEILING)
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            advance = self._current(account)
            if advance.cap <= 0 or amount > advance.cap:
                raise _spent(advance)
            if amount == 0 or amount <= advance.in_hand:
                advance.in_hand -= amount
                return Reservation(amount, partial(self._take_back, advance))
            outcome = await self._wait_for_trade(advance, amount, deadline)
            if amount <= advance.in_hand:
                continue
            if isinstance(outcome, BudgetUnknown):
                raise BudgetUnknown(str(outcome)) from outcome
            if 0 < outcome <= amount - advance.in_hand:
                raise _spent(advance)

    async def aclose(self) -> None:
        """Give back to the ledger what is in hand; what is settled afterwards goes back as well."""
        for advance in self._advances.values():
            self._retire(advance)
        self._advances.clear()
        while self._trades:
            await asyncio.wait(self._trades)

    def _current(self, account: str) -> _Advance:
        """What is in hand under today's cap."""
        day = self._now().astimezone(UTC).date()
        cap = _micro_dollars(self._cap_of(account), ROUND_FLOOR)
        advance = self._advances.get(account)
        if advance is None or advance.day != day or cap < advance.cap:
            if advance is not None:
                self._retire(advance)
            advance = self._advances[account] = _Advance(account, day, cap, 0)
        advance.cap, advance.share = cap, int(cap * self._share)
        return advance

    def _retire(self, advance: _Advance) -> None:
        advance.retired = True
        self._take_back(advance, 0)

    def _take_back(self, advance: _Advance, unspent: int) -> None:
        advance.in_hand += unspent
        if advance.surplus:
            self._trade_of(advance)

    async def _wait_for_trade(self, advance: _Advance, amount: int, deadline: float) -> _Outcome:
        """The outcome of the trade under way, or else of a new one for all who wait when it begins."""
        advance.waiting.append(amount)
        try:
            trade = self._trade_of(advance)
            remaining = max(deadline - asyncio.get_running_loop().time(), 0)
            # It goes on after the end of one call's patience, and after a cancellation: others wait for it too, and
            # what it is granted would be lost.
            done, _ = await asyncio.wait({trade}, timeout=remaining)
        except asyncio.CancelledError:
            advance.waiting.remove(amount)
            self._take_back(advance, 0)
            raise
        advance.waiting.remove(amount)
        if not done:
            return BudgetUnknown(f"budget {advance.account}: no word from the ledger in {self._patience:g} s")
        return trade.result()

    def _trade_of(self, advance: _Advance) -> asyncio.Task[_Outcome]:
        """The one under way, or else a new one."""
        if advance.trade is None or advance.trade.done():
            advance.trade = asyncio.create_task(self._trade(advance))
            self._trades.add(advance.trade)
            advance.trade.add_done_callback(self._trades.discard)
        return advance.trade

    async def _trade(self, advance: _Advance) -> _Outcome:
        outcome: _Outcome
        try:
            outcome = await self._draw_for_calls(advance)
        except BudgetUnknown as error:
            outcome = error
        try:
            while advance.surplus and await self._even_out(advance):
                pass
        except BudgetUnknown as error:
            _log.warning("an advance and the ledger could not be evened out", extra={"error": str(error)})
        return outcome

    async def _draw_for_calls(self, advance: _Advance) -> int:
        """Draw what all that wait need, or a share if that is more; see `_Outcome`."""
        missing = sum(advance.waiting) - advance.in_hand
        if not advance.waiting or missing <= 0:
            return 0
        least = max(min(advance.waiting) - advance.in_hand, 1)
        granted = await self._ledger.draw(
            advance.account, advance.day, wanted=max(missing, advance.share), least=least, cap=advance.cap
        )
        advance.in_hand += granted
        return 0 if granted else least

    async def _even_out(self, advance: _Advance) -> int:
        """Give back the surplus, or draw what was paid out already; how much that was."""
        account, day, surplus = advance.account, advance.day, advance.surplus
        if surplus < 0:
            drawn = await self._ledger.draw(account, day, wanted=-surplus, least=1, cap=advance.cap)
            advance.in_hand += drawn
            return drawn
        advance.in_hand -= surplus  # before the ledger hears of it, or it might be paid out meanwhile
        await self._ledger.give_back(account, day, surplus)
        return surplus


def _micro_dollars(usd: float, rounding: str) -> int:
    return int((Decimal(str(usd)) * 1_000_000).to_integral_value(rounding))


def _spent(advance: _Advance) -> DailyBudgetSpent:
    return DailyBudgetSpent(
        f"budget {advance.account}: the {advance.cap / 1_000_000:g} US dollars of {advance.day} have no room for this"
        " call; raise the daily cap, or wait for midnight UTC"
    )
