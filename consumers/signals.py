"""`python -m consumers.signals`: folds signals and integrations into the online store."""

import asyncio
from collections.abc import Sequence

from oo.bus.delivery import Acknowledge, Delivery, Door, RetryAfter
from oo.bus.handling import Apply
from oo.events.envelope import Envelope
from oo.features.folding import fold_batch
from oo.features.online_store import OnlineStore
from oo.settings import ConsumerSettings, read
from oo.wiring.signals import run

RETRY_SECONDS = 1.0


def folding(store: OnlineStore) -> Apply:
    """Fold each event into its person's document."""

    async def apply(events: Sequence[tuple[Delivery, Envelope]]) -> Sequence[Door]:
        outcomes = await fold_batch(store, [(delivery.sequence, envelope) for delivery, envelope in events])
        return [Acknowledge() if failure is None else RetryAfter(RETRY_SECONDS, str(failure)) for failure in outcomes]

    return apply


if __name__ == "__main__":
    asyncio.run(run(read(ConsumerSettings), folding))
