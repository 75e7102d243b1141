from datetime import date

from oo.llm.ledger import grant


class MemoryLedger:
    """The ledger of one process, which ends with it."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[str, date], int] = {}

    async def draw(self, account: str, day: date, *, wanted: int, least: int, cap: int) -> int:
        """As in `Ledger`."""
        drawn = await self.spent(account, day)
        granted = grant(drawn, wanted=wanted, least=least, cap=cap)
        self._drawn[account, day] = drawn + granted
        return granted

    async def give_back(self, account: str, day: date, amount: int) -> None:
        """As in `Ledger`."""
        self._drawn[account, day] = max(await self.spent(account, day) - amount, 0)

    async def spent(self, account: str, day: date) -> int:
        """As in `Ledger`."""
        return self._drawn.get((account, day), 0)
