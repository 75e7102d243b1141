"""A writer for the command line: the real one, paid from a purse that ends with the command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from oo.llm.budget import CappedGateway
from oo.llm.daily_budget import DailyBudget
from oo.llm.guardrails import Guardrails
from oo.llm.memory_ledger import MemoryLedger
from oo.llm.recorded_gateway import RecordedGateway
from oo.settings import LanguageModelSettings
from oo.wiring.language_model import caps, language_model
from oo.wiring.process import now
from oo.writing.writer import Writer

_MICRO = 1_000_000


class Purse(MemoryLedger):
    """A ledger that knows when it has refused, and what was taken out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.empty = False
        """Whether there was no room for what was wanted."""

    async def draw(self, account: str, day: date, *, wanted: int, least: int, cap: int) -> int:
        """As in `Ledger`."""
        granted = await super().draw(account, day, wanted=wanted, least=least, cap=cap)
        self.empty = self.empty or not granted
        return granted

    @property
    def usd(self) -> float:
        """What was taken out, in US dollars: also for answers that never came and may be billed."""
        return sum(self._drawn.values()) / _MICRO


@dataclass(frozen=True, slots=True)
class PaidWriter:
    """A writer and its purse, which holds the final sum when the writer is closed."""

    writer: Writer
    purse: Purse


@asynccontextmanager
async def paid_writer(
    settings: LanguageModelSettings, usd: float, *, recordings: Path | None = None
) -> AsyncIterator[PaidWriter]:
    """The writer that the settings describe.

    Args:
        settings: the language model and what a call may take.
        usd: what all calls together may cost, in US dollars.
        recordings: where answers are kept, and taken from instead of asking for them again.

    Raises:
        InvalidSettings: a model without a price, or `offline` among others.
        InvalidRules: the guardrails cannot be read.
    """
    purse, begun = Purse(), now()
    async with language_model(settings) as live:
        gateway = live if recordings is None else RecordedGateway(recordings, live)
        # One purse, also when midnight passes.
        budget = DailyBudget(purse, lambda _: usd, lambda: begun)
        try:
            yield PaidWriter(Writer(CappedGateway(gateway, caps(settings), budget), Guardrails.load()), purse)
        finally:
            await budget.aclose()
