"""Faults on purpose, to see that a rollout finds a failing shadow or canary."""

import asyncio
from dataclasses import dataclass

from oo.errors import RehearsedFault
from oo.experiments.chance import chance


@dataclass(frozen=True, slots=True)
class Faults:
    """How a deployment fails: the same decisions each time, and all of them late. By default in no way."""

    errors_percent: float = 0.0
    delay_seconds: float = 0.0

    async def strike(self, decision_id: str) -> None:
        """Be late, or fail.

        Raises:
            RehearsedFault: this decision is one of those that fail.
        """
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.errors_percent and chance("fault", decision_id) < self.errors_percent / 100:
            raise RehearsedFault(
                f"a fault is rehearsed for {self.errors_percent:g} % of the decisions; unset OO_FAULT_ERRORS_PERCENT"
            )


NO_FAULTS = Faults()
