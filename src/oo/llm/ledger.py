"""What was drawn of the budget of a day, for all processes together."""

from datetime import date
from typing import Protocol


class Ledger(Protocol):
    """One number an account and UTC day, in micro-dollars: what processes have drawn, whether they spent it yet or not.

    Every method raises `BudgetUnknown` when it has no word of the number. What it was asked to change may then have
    been changed all the same.
    """

    async def draw(self, account: str, day: date, *, wanted: int, least: int, cap: int) -> int:
        """Draw what is wanted, or all that is left under the cap; when that is under `least`, nothing, and say 0.

        Args:
            account: whose budget.
            day: of which day, in UTC.
            wanted: how much would be welcome.
            least: how much is of use, from 1 to `wanted`.
            cap: the budget of the day, over which the number never goes by this.
        """
        ...

    async def give_back(self, account: str, day: date, amount: int) -> None:
        """Return what was drawn and is not needed."""
        ...

    async def spent(self, account: str, day: date) -> int:
        """What is drawn at this moment."""
        ...


def grant(drawn: int, *, wanted: int, least: int, cap: int) -> int:
    """What a ledger grants to whom when so much is drawn already."""
    room = cap - drawn
    return min(wanted, room) if room >= least else 0
