"""Signal features for a request: one read of the online store inside a time budget."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oo.errors import OnlineStoreUnavailable
from oo.features.online_store import OnlineStore
from oo.features.services import NO_VALUES, Values


@dataclass(frozen=True, slots=True)
class SignalReader:
    """Reads what the signals consumer folded."""

    store: OnlineStore
    budget: float
    """Seconds that a read may take."""

    async def read(self, tenant_id: str, user_id: str, names: Sequence[str], at: datetime) -> tuple[Values, int]:
        """The named features of a person at a moment, and the last stream sequence folded into them.

        A person of whom nothing is known has no values and sequence 0.

        Raises:
            OnlineStoreUnavailable: the store did not answer within the budget.
        """
        try:
            async with asyncio.timeout(self.budget):
                state = await self.store.get(tenant_id, user_id)
        except TimeoutError as error:
            raise OnlineStoreUnavailable(f"the online store took over {self.budget * 1000:.0f} ms") from error
        if state is None:
            return NO_VALUES, 0
        return state.values(names, at), state.sequence
